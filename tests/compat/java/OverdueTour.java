import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/** A producer whose transaction takes longer than it has allowed: BOOTSTRAP TOPIC. The topic has one partition. */
public class OverdueTour {
  public static void main(String[] args) throws Exception {
    String topic = args[1];
    Properties properties = new Properties();
    properties.put("bootstrap.servers", args[0]);
    properties.put("transactional.id", "overdue-" + topic);
    properties.put("transaction.timeout.ms", "1000");
    KafkaProducer<String, String> producer =
        new KafkaProducer<>(properties, new StringSerializer(), new StringSerializer());
    boolean goesOn = true;
    try {
      producer.initTransactions();
      producer.beginTransaction();
      send(producer, topic, "before");
      producer.commitTransaction();
      producer.beginTransaction();
      send(producer, topic, "overdue");
      Thread.sleep(3000);
      try {
        send(producer, topic, "late");
        System.out.println("late send: done");
      } catch (ExecutionException late) {
        System.out.println("late send: " + late.getCause().getClass().getSimpleName());
      }
      try {
        producer.abortTransaction();
        System.out.println("abort: done");
      } catch (RuntimeException fenced) {
        System.out.println("abort: " + fenced.getClass().getSimpleName());
        goesOn = false;
      }
      if (goesOn) {
        producer.beginTransaction();
        send(producer, topic, "after");
        producer.commitTransaction();
      }
    } finally {
      producer.close(Duration.ofSeconds(5));
    }
    System.out.println("read committed: " + values(args[0], topic));
  }

  private static void send(KafkaProducer<String, String> producer, String topic, String what) throws Exception {
    for (int i = 0; i < 2; i++) producer.send(new ProducerRecord<>(topic, 0, "k", what)).get();
  }

  private static Map<String, Integer> values(String bootstrap, String topic) {
    Map<String, Integer> counts = new TreeMap<>();
    Properties properties = new Properties();
    properties.put("bootstrap.servers", bootstrap);
    properties.put("isolation.level", "read_committed");
    TopicPartition place = new TopicPartition(topic, 0);
    try (KafkaConsumer<String, String> consumer =
        new KafkaConsumer<>(properties, new StringDeserializer(), new StringDeserializer())) {
      consumer.assign(List.of(place));
      consumer.seekToBeginning(List.of(place));
      for (int empty = 0; empty < 5; empty++) {
        for (ConsumerRecord<String, String> record : consumer.poll(Duration.ofMillis(300))) {
          counts.merge(record.value(), 1, Integer::sum);
          empty = 0;
        }
      }
    }
    return counts;
  }
}

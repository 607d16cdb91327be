import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.atomic.AtomicBoolean;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.InvalidProducerEpochException;
import org.apache.kafka.common.errors.OutOfOrderSequenceException;
import org.apache.kafka.common.errors.ProducerFencedException;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/**
 * Reads one topic and writes what it makes of it to another, exactly once: BOOTSTRAP GROUP TRANSACTIONAL_ID INPUT OUTPUT.
 * SIGTERM ends it. Every seventh transaction is aborted on purpose, when everything in it is stored.
 */
public class ExactlyOnceWorker {
  public static void main(String[] args) {
    AtomicBoolean isOver = new AtomicBoolean();
    Thread main = Thread.currentThread();
    Runtime.getRuntime().addShutdownHook(new Thread(() -> {
      isOver.set(true);
      try {
        main.join(10_000);
      } catch (InterruptedException ignored) {
        // then without
      }
    }));
    try (KafkaConsumer<String, String> consumer = new KafkaConsumer<>(consumerConfig(args));
        KafkaProducer<String, String> producer = new KafkaProducer<>(producerConfig(args))) {
      producer.initTransactions();
      consumer.subscribe(List.of(args[3]));
      for (int n = 1; !isOver.get(); n++) {
        ConsumerRecords<String, String> records = consumer.poll(Duration.ofMillis(200));
        if (!records.isEmpty()) work(consumer, producer, records, args[4], n % 7 == 0);
      }
    } catch (KafkaException fatal) {
      System.err.println(fatal);
      Runtime.getRuntime().halt(1);
    }
  }

  private static void work(
      KafkaConsumer<String, String> consumer,
      KafkaProducer<String, String> producer,
      ConsumerRecords<String, String> records,
      String output,
      boolean isForNothing) {
    try {
      producer.beginTransaction();
      Map<TopicPartition, OffsetAndMetadata> offsets = new HashMap<>();
      for (ConsumerRecord<String, String> record : records) {
        ProducerRecord<String, String> made =
            new ProducerRecord<>(output, record.key(), record.value());
        if (isForNothing) made.headers().add("aborted", "".getBytes(StandardCharsets.UTF_8));
        producer.send(made);
        offsets.put(
            new TopicPartition(record.topic(), record.partition()),
            new OffsetAndMetadata(record.offset() + 1));
      }
      producer.sendOffsetsToTransaction(offsets, consumer.groupMetadata());
      if (!isForNothing) {
        producer.commitTransaction();
        return;
      }
      producer.flush();
    } catch (ProducerFencedException
        | OutOfOrderSequenceException
        | InvalidProducerEpochException fatal) {
      throw fatal;
    } catch (KafkaException abortable) {
      // aborted below
    }
    producer.abortTransaction();
    Map<TopicPartition, OffsetAndMetadata> committed = consumer.committed(consumer.assignment());
    for (TopicPartition partition : consumer.assignment()) {
      OffsetAndMetadata offset = committed.get(partition);
      if (offset != null) consumer.seek(partition, offset.offset());
      else consumer.seekToBeginning(List.of(partition));
    }
  }

  private static Properties consumerConfig(String[] args) {
    Properties config = new Properties();
    config.put("bootstrap.servers", args[0]);
    config.put("group.id", args[1]);
    config.put("enable.auto.commit", "false");
    config.put("auto.offset.reset", "earliest");
    config.put("isolation.level", "read_committed");
    config.put("session.timeout.ms", "4000");
    config.put("heartbeat.interval.ms", "500");
    config.put("max.poll.records", "200");
    config.put("key.deserializer", StringDeserializer.class.getName());
    config.put("value.deserializer", StringDeserializer.class.getName());
    return config;
  }

  private static Properties producerConfig(String[] args) {
    Properties config = new Properties();
    config.put("bootstrap.servers", args[0]);
    config.put("transactional.id", args[2]);
    config.put("transaction.timeout.ms", "10000");
    config.put("key.serializer", StringSerializer.class.getName());
    config.put("value.serializer", StringSerializer.class.getName());
    return config;
  }
}

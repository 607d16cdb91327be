import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/** A tour of transactions: BOOTSTRAP TOPIC. The topic has two partitions, and a second one is named TOPIC-out. */
public class TransactionTour {
  private static String bootstrap;
  private static String topic;

  public static void main(String[] args) throws Exception {
    bootstrap = args[0];
    topic = args[1];
    commitAndAbort();
    fencing();
    consumeTransformProduce();
    manyInARow();
  }

  private static void commitAndAbort() throws Exception {
    try (KafkaProducer<String, String> producer = producer("tx-" + topic)) {
      producer.initTransactions();
      send(producer, 0, "committed", 10);
      producer.commitTransaction();
      send(producer, 0, "aborted", 10);
      producer.flush();
      producer.abortTransaction();
      producer.beginTransaction();
      producer.abortTransaction();
      producer.beginTransaction();
      producer.commitTransaction();
      send(producer, 0, "again", 10);
      send(producer, 1, "other", 5, false);
      producer.commitTransaction();
      send(producer, 0, "open", 1);
      producer.flush();
      System.out.println("read committed: " + values(0, "read_committed"));
      System.out.println("read uncommitted: " + values(0, "read_uncommitted"));
      System.out.println("end: " + end("read_committed") + " " + end("read_uncommitted"));
      producer.commitTransaction();
      System.out.println("other partition: " + values(1, "read_committed"));
    }
  }

  private static void fencing() throws Exception {
    KafkaProducer<String, String> zombie = producer("fenced-" + topic);
    zombie.initTransactions();
    send(zombie, 0, "zombie", 3);
    zombie.flush();
    try (KafkaProducer<String, String> next = producer("fenced-" + topic)) {
      next.initTransactions();
      String outcome = "none";
      try {
        zombie.send(new ProducerRecord<>(topic, 0, "k", "late")).get();
      } catch (ExecutionException fenced) {
        outcome = fenced.getCause().getClass().getSimpleName();
      }
      System.out.println("late send: " + outcome);
      try {
        zombie.commitTransaction();
        outcome = "none";
      } catch (RuntimeException fenced) {
        outcome = fenced.getClass().getSimpleName();
      }
      System.out.println("late commit: " + outcome);
      send(next, 0, "next", 1);
      next.commitTransaction();
    }
    zombie.close(Duration.ZERO);
    awaitMarkers();
    System.out.println("after fencing: " + values(0, "read_committed"));
  }

  private static void consumeTransformProduce() throws Exception {
    TopicPartition source = new TopicPartition(topic, 0);
    try (KafkaConsumer<String, String> consumer = consumer("read_committed", "group-" + topic);
        KafkaProducer<String, String> producer = producer("pipe-" + topic)) {
      producer.initTransactions();
      consumer.subscribe(List.of(topic));
      boolean abortedOnce = false;
      int seen = 0;
      while (seen < 27) {
        Map<TopicPartition, OffsetAndMetadata> offsets = new HashMap<>();
        List<ConsumerRecord<String, String>> batch = new ArrayList<>();
        for (ConsumerRecord<String, String> record : consumer.poll(Duration.ofMillis(500))) {
          batch.add(record);
          offsets.put(
              new TopicPartition(topic, record.partition()), new OffsetAndMetadata(record.offset() + 1));
        }
        if (batch.isEmpty()) continue;
        producer.beginTransaction();
        for (ConsumerRecord<String, String> record : batch) {
          producer.send(new ProducerRecord<>(topic + "-out", record.key(), record.value().toUpperCase()));
        }
        producer.sendOffsetsToTransaction(offsets, consumer.groupMetadata());
        if (!abortedOnce) {
          abortedOnce = true;
          producer.abortTransaction();
          for (TopicPartition partition : consumer.assignment()) {
            OffsetAndMetadata committed = consumer.committed(java.util.Set.of(partition)).get(partition);
            consumer.seek(partition, committed == null ? 0 : committed.offset());
          }
          continue;
        }
        producer.commitTransaction();
        seen += batch.size();
      }
      System.out.println("piped: " + seen);
      System.out.println("committed offset: " + consumer.committed(java.util.Set.of(source)).get(source).offset());
    }
    int count = 0;
    try (KafkaConsumer<String, String> consumer = consumer("read_committed", null)) {
      consumer.assign(List.of(new TopicPartition(topic + "-out", 0)));
      consumer.seekToBeginning(consumer.assignment());
      for (int empty = 0; empty < 4; ) {
        int got = consumer.poll(Duration.ofMillis(250)).count();
        count += got;
        empty = got == 0 ? empty + 1 : 0;
      }
    }
    System.out.println("output: " + count);
  }

  private static void manyInARow() throws Exception {
    try (KafkaProducer<String, String> producer = producer("many-" + topic)) {
      producer.initTransactions();
      for (int i = 0; i < 100; i++) {
        send(producer, i % 2, "many", 3);
        if (i % 6 == 0) producer.flush();
        if (i % 3 == 0) producer.abortTransaction();
        else producer.commitTransaction();
      }
    }
    System.out.println("many: done");
  }

  private static void send(KafkaProducer<String, String> producer, int partition, String what, int count) {
    send(producer, partition, what, count, true);
  }

  private static void send(
      KafkaProducer<String, String> producer, int partition, String what, int count, boolean begin) {
    if (begin) producer.beginTransaction();
    for (int i = 0; i < count; i++) {
      producer.send(new ProducerRecord<>(topic, partition, "k", what));
    }
  }

  /** How often each value is read. */
  private static Map<String, Integer> values(int partition, String isolation) {
    Map<String, Integer> counts = new java.util.TreeMap<>();
    try (KafkaConsumer<String, String> consumer = consumer(isolation, null)) {
      TopicPartition place = new TopicPartition(topic, partition);
      consumer.assign(List.of(place));
      consumer.seekToBeginning(List.of(place));
      long end = consumer.endOffsets(List.of(place)).get(place);
      while (consumer.position(place) < end) {
        for (ConsumerRecord<String, String> record : consumer.poll(Duration.ofMillis(200))) {
          counts.merge(record.value(), 1, Integer::sum);
        }
      }
    }
    return counts;
  }

  /** A commit is answered when it is decided; its records may be seen a little later. */
  private static void awaitMarkers() throws Exception {
    for (int i = 0; i < 100 && end("read_committed") < end("read_uncommitted"); i++) Thread.sleep(50);
  }

  private static long end(String isolation) {
    TopicPartition place = new TopicPartition(topic, 0);
    try (KafkaConsumer<String, String> consumer = consumer(isolation, null)) {
      return consumer.endOffsets(List.of(place)).get(place);
    }
  }

  private static KafkaConsumer<String, String> consumer(String isolation, String group) {
    Properties properties = new Properties();
    properties.put("bootstrap.servers", bootstrap);
    properties.put("isolation.level", isolation);
    properties.put("auto.offset.reset", "earliest");
    properties.put("enable.auto.commit", "false");
    if (group != null) properties.put("group.id", group);
    return new KafkaConsumer<>(properties, new StringDeserializer(), new StringDeserializer());
  }

  private static KafkaProducer<String, String> producer(String transactionalId) {
    Properties properties = new Properties();
    properties.put("bootstrap.servers", bootstrap);
    properties.put("transactional.id", transactionalId);
    properties.put("max.block.ms", "20000");
    return new KafkaProducer<>(properties, new StringSerializer(), new StringSerializer());
  }
}

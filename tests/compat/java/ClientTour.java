import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.stream.Collectors.joining;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import org.apache.kafka.clients.admin.AdminClient;
import org.apache.kafka.clients.admin.Config;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/**
 * A tour of what the Java clients do without groups, and a line "what: outcome" for each stop. Arguments: the broker,
 * and a word that the names of its topics begin with. It keeps to what kafka-clients 2.1 has.
 */
public final class ClientTour {
    private static final int RECORDS = 500;
    private static final long FIRST_TIMESTAMP_MS = System.currentTimeMillis() - 3_600_000;

    private final Map<String, Object> common = new HashMap<>();
    private final String plain;
    private final String stamped;

    private ClientTour(String bootstrap, String prefix) {
        common.put("bootstrap.servers", bootstrap);
        plain = prefix + "-plain";
        stamped = prefix + "-stamped";
    }

    public static void main(String[] args) throws Exception {
        ClientTour tour = new ClientTour(args[0], args[1]);
        try (AdminClient admin = AdminClient.create(tour.common)) {
            tour.create(admin);
            tour.produce();
            tour.consume();
            tour.change(admin);
        }
    }

    private void create(AdminClient admin) throws Exception {
        Map<String, String> settings = new HashMap<>();
        settings.put("message.timestamp.type", "LogAppendTime");
        settings.put("max.message.bytes", "1000");
        admin.createTopics(Arrays.asList(
            new NewTopic(plain, 2, (short) 1),
            new NewTopic(stamped, 1, (short) 1).configs(settings))).all().get();
        tell("cluster", admin.describeCluster().nodes().get().size() + " node, controller "
            + admin.describeCluster().controller().get().id());
        tell("listed", admin.listTopics().names().get().contains(plain));
    }

    private void produce() throws Exception {
        Map<String, Object> options = new HashMap<>(common);
        options.put("enable.idempotence", true);
        options.put("acks", "all");
        options.put("compression.type", "zstd");
        options.put("linger.ms", 5);
        StringSerializer text = new StringSerializer();
        try (KafkaProducer<String, String> producer = new KafkaProducer<>(options, text, text)) {
            List<Future<RecordMetadata>> sent = new ArrayList<>();
            for (int i = 0; i < RECORDS; i++) {
                ProducerRecord<String, String> record = new ProducerRecord<>(
                    plain, 1, FIRST_TIMESTAMP_MS + i * 1000L, "key" + i, "value" + i);
                record.headers().add("number", Integer.toString(i).getBytes(UTF_8));
                record.headers().add("empty", null);
                sent.add(producer.send(record));
            }
            boolean inOrder = true;
            for (int i = 0; i < RECORDS; i++) inOrder &= sent.get(i).get().offset() == i;
            tell("acknowledged in order", inOrder);

            long before = System.currentTimeMillis();
            long appended = producer.send(new ProducerRecord<>(stamped, 0, 1000L, "k", "v")).get().timestamp();
            tell("log append time", appended >= before && appended <= System.currentTimeMillis());
            byte[] noise = new byte[1500];
            new Random(1).nextBytes(noise);
            try {
                producer.send(new ProducerRecord<>(stamped, "k", Base64.getEncoder().encodeToString(noise))).get();
            } catch (ExecutionException refused) {
                tell("too large", refused.getCause().getClass().getSimpleName());
            }
        }
    }

    private void consume() {
        StringDeserializer text = new StringDeserializer();
        try (KafkaConsumer<String, String> consumer = new KafkaConsumer<>(common, text, text)) {
            tell("partitions", consumer.partitionsFor(plain).stream()
                .map(PartitionInfo::partition).sorted().map(String::valueOf).collect(joining(" ")));
            TopicPartition empty = new TopicPartition(plain, 0);
            TopicPartition full = new TopicPartition(plain, 1);
            List<TopicPartition> both = Arrays.asList(empty, full);
            consumer.assign(both);
            tell("ends", consumer.beginningOffsets(both).get(full) + " to " + consumer.endOffsets(both).get(full)
                + ", " + consumer.beginningOffsets(both).get(empty) + " to " + consumer.endOffsets(both).get(empty));

            consumer.seekToBeginning(both);
            List<ConsumerRecord<String, String>> read = read(consumer, RECORDS);
            boolean same = true;
            for (int i = 0; i < RECORDS; i++) same &= isAsSent(read.get(i), i);
            tell("read as sent", same);

            consumer.seek(full, RECORDS - 2);
            tell("after seek", read(consumer, 2).stream().map(ConsumerRecord::value).collect(joining(" ")));
            tell("position", consumer.position(full));

            long between = FIRST_TIMESTAMP_MS + 41_500;
            tell("by time", consumer.offsetsForTimes(Collections.singletonMap(full, between)).get(full).offset());
            long never = System.currentTimeMillis() + 3_600_000;
            tell("by a time to come", consumer.offsetsForTimes(Collections.singletonMap(full, never)).get(full));

            consumer.assign(Collections.singletonList(new TopicPartition(stamped, 0)));
            consumer.seekToBeginning(consumer.assignment());
            tell("timestamp type", read(consumer, 1).get(0).timestampType());
        }
    }

    private void change(AdminClient admin) throws Exception {
        ConfigResource resource = new ConfigResource(ConfigResource.Type.TOPIC, stamped);
        Config config = admin.describeConfigs(Collections.singletonList(resource)).all().get().get(resource);
        tell("setting", config.get("message.timestamp.type").value() + ", default "
            + config.get("message.timestamp.type").isDefault());
        admin.createPartitions(Collections.singletonMap(stamped, NewPartitions.increaseTo(3))).all().get();
        admin.deleteTopics(Arrays.asList(plain, stamped)).all().get();
        tell("deleted", "yes");
    }

    private static List<ConsumerRecord<String, String>> read(KafkaConsumer<String, String> consumer, int count) {
        List<ConsumerRecord<String, String>> records = new ArrayList<>();
        long deadline = System.currentTimeMillis() + 20_000;
        while (records.size() < count && System.currentTimeMillis() < deadline) {
            consumer.poll(Duration.ofMillis(500)).forEach(records::add);
        }
        return records;
    }

    private static boolean isAsSent(ConsumerRecord<String, String> record, int i) {
        Header[] headers = record.headers().toArray();
        return record.offset() == i && record.timestamp() == FIRST_TIMESTAMP_MS + i * 1000L
            && record.key().equals("key" + i) && record.value().equals("value" + i)
            && headers.length == 2 && headers[1].value() == null
            && new String(headers[0].value(), UTF_8).equals(Integer.toString(i));
    }

    private static void tell(String what, Object outcome) {
        System.out.println(what + ": " + outcome);
    }
}

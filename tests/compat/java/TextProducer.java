import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Future;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/** Produces the records of a file, each ended by the byte 1e. Arguments: the broker, the topic, the codec, the file. */
public final class TextProducer {
    private static final byte END = 0x1e;

    public static void main(String[] args) throws Exception {
        Map<String, Object> options = Map.of(
            "bootstrap.servers", args[0],
            "compression.type", args[2],
            "linger.ms", 20);
        ByteArraySerializer bytes = new ByteArraySerializer();
        try (KafkaProducer<byte[], byte[]> producer = new KafkaProducer<>(options, bytes, bytes)) {
            List<Future<?>> sent = new ArrayList<>();
            byte[] text = Files.readAllBytes(Path.of(args[3]));
            for (int from = 0, at = 0; at < text.length; at++) {
                if (text[at] != END) continue;
                sent.add(producer.send(new ProducerRecord<>(args[1], Arrays.copyOfRange(text, from, at))));
                from = at + 1;
            }
            for (Future<?> record : sent) record.get();
        }
    }
}

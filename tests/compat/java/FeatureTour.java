import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.FeatureUpdate;
import org.apache.kafka.clients.admin.FeatureUpdate.UpgradeType;
import org.apache.kafka.clients.admin.UpdateFeaturesOptions;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.StringSerializer;

/**
 * One transactional producer that lives through changes of transaction.version: BOOTSTRAP TOPIC. After each change it ends
 * three transactions; with KIP-890 each of them costs an epoch, before none. It hears of a change when it connects anew, which
 * it does some time after it was idle: it ends transactions until one is of the new kind.
 */
public class FeatureTour {
  private static final String FEATURE = "transaction.version";
  private static final long IDLE_MS = 300;
  private static final int TRANSACTIONS_MAX = 20;

  public static void main(String[] args) throws Exception {
    String id = "features-" + args[1];
    Properties properties = new Properties();
    properties.put("bootstrap.servers", args[0]);
    properties.put("transactional.id", id);
    properties.put("max.block.ms", "20000");
    // Features are told when a connection is made.
    properties.put("connections.max.idle.ms", String.valueOf(IDLE_MS));
    try (Admin admin = Admin.create(Map.of("bootstrap.servers", args[0]));
        KafkaProducer<String, String> producer =
            new KafkaProducer<>(properties, new StringSerializer(), new StringSerializer())) {
      producer.initTransactions();
      for (short level : new short[] {2, 1, 0, 2, 1}) {
        update(admin, level, false);
        int expected = level >= 2 ? 1 : 0;
        for (int left = TRANSACTIONS_MAX; left > 0; left--) {
          Thread.sleep(3 * IDLE_MS);
          if (epochsOf(1, admin, producer, id, args[1]) == expected) break;
        }
        System.out.println("level " + level + ": " + epochsOf(3, admin, producer, id, args[1]) + " epochs");
      }
      try {
        update(admin, (short) 0, true);
        System.out.println("validated");
        admin.updateFeatures(
            Map.of(FEATURE, new FeatureUpdate((short) 3, UpgradeType.UPGRADE)), new UpdateFeaturesOptions())
            .all().get();
      } catch (Exception refused) {
        System.out.println("refused: " + refused.getCause().getClass().getSimpleName());
      }
      var features = admin.describeFeatures().featureMetadata().get();
      System.out.println("finalized: " + features.finalizedFeatures().get(FEATURE).maxVersionLevel());
      System.out.println("supported: " + features.supportedFeatures().get(FEATURE));
      admin.updateFeatures(
          Map.of(FEATURE, new FeatureUpdate((short) 2, UpgradeType.UPGRADE)), new UpdateFeaturesOptions())
          .all().get();
    }
  }

  private static void update(Admin admin, short level, boolean validateOnly) throws Exception {
    var finalized = admin.describeFeatures().featureMetadata().get().finalizedFeatures().get(FEATURE);
    int current = finalized == null ? 0 : finalized.maxVersionLevel();
    UpgradeType type = level < current ? UpgradeType.SAFE_DOWNGRADE : UpgradeType.UPGRADE;
    admin.updateFeatures(
        Map.of(FEATURE, new FeatureUpdate(level, type)), new UpdateFeaturesOptions().validateOnly(validateOnly))
        .all().get();
  }

  private static void transaction(KafkaProducer<String, String> producer, String topic) throws Exception {
    producer.beginTransaction();
    producer.send(new ProducerRecord<>(topic, "k", "v")).get();
    producer.commitTransaction();
  }

  /** What some transactions cost. */
  private static int epochsOf(
      int transactions, Admin admin, KafkaProducer<String, String> producer, String id, String topic) throws Exception {
    int before = epoch(admin, id);
    for (int i = 0; i < transactions; i++) transaction(producer, topic);
    return epoch(admin, id) - before;
  }

  private static int epoch(Admin admin, String id) throws Exception {
    return admin.describeTransactions(List.of(id)).description(id).get().producerEpoch();
  }
}

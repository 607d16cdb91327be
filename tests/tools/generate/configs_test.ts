import { assertEquals, assertThrows } from "@std/assert";
import { generateConfigs } from "../../../tools/generate/configs.ts";
import { formatted } from "../../../tools/generate/format.ts";

const ROOT = new URL("../../../", import.meta.url);
const TABLE = new URL("../shared/kafka/kafka-configs.json", ROOT);

function hasTable(): boolean {
  try {
    return Deno.statSync(TABLE).isFile;
  } catch {
    return false;
  }
}

Deno.test({
  name: "The settings in config/ are those of Kafka's table",
  ignore: !hasTable(),
  async fn() {
    const files = generateConfigs(JSON.parse(await Deno.readTextFile(TABLE)));
    for (const [path, text] of files) {
      const committed = await Deno.readTextFile(new URL(path, ROOT));
      assertEquals(committed, await formatted(text, "ts"), `${path} is stale: deno task generate`);
    }
  },
});

Deno.test("The generator refuses a rule that it does not know, instead of dropping it", () => {
  const empty = {
    brokerLog: [],
    brokerGroups: [],
    brokerTransactions: [],
    brokerQuotas: [],
    brokerNetwork: [],
    brokerReplication: [],
    brokerServer: [],
    brokerSecurity: [],
    brokerRemoteStorage: [],
    topicToBrokerKeys: [],
  };
  const fact = { name: "x", type: "int", default: 1, valid: { rule: "odd" }, importance: "low" };
  assertThrows(() => generateConfigs({ ...empty, topic: [fact] }), Error, "unknown rule: odd");
});

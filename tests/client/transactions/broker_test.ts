// Real time: transactions of the client on real streams, against the real broker in this process.
import { Admin } from "../../../client/mod.ts";
import { denoEnvironment } from "../../../environment/deno/deno_environment.ts";
import { createBroker } from "../../../mod.ts";
import { transactionContract } from "./contract.ts";

/** Levels of `transaction.version`: without and with KIP-890. */
const LEVELS = [1, 2];

for (const level of LEVELS) {
  for (const [name, test] of transactionContract) {
    Deno.test(`${name} (transaction.version ${level})`, async () => {
      const environment = denoEnvironment({ log: { write: () => {} } });
      await using broker = await createBroker({
        data: "memory:",
        config: {
          "odradek.transaction.version": `${level}`,
          "transaction.abort.timed.out.transaction.cleanup.interval.ms": "100",
          "group.initial.rebalance.delay.ms": "0",
        },
      });
      const options = { environment, dial: () => Promise.resolve(broker.dial()) };
      await using admin = new Admin(options);
      const [orders, parcels] = ["orders", "parcels"];
      await admin.createTopics([orders, parcels].map((name) => ({ name, partitions: 2 })));
      await test({ options, orders, parcels, id: "packer", level });
    });
  }
}

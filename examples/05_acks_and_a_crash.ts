/**
 * What does an acknowledgement mean when the broker is killed?
 *
 * With acks=all (the default) a record is on disk before it is acknowledged: whatever was acknowledged is there after
 * `kill -9`. With acks=0 nobody promised anything.
 *
 * deno run --allow-net --allow-run --allow-read --allow-write --allow-sys=hostname,statfs examples/05_acks_and_a_crash.ts
 */
import { Admin, Consumer, denoEnvironment, Producer, stderrLog } from "../mod.ts";

const environment = denoEnvironment({ log: stderrLog({ level: "error" }) });
const data = await Deno.makeTempDir();
const bootstrapServers = "127.0.0.1:19095";
const client = { environment, bootstrapServers };

let broker = await serve();
await using admin = new Admin(client);
await admin.createTopics([{ name: "safe", partitions: 1 }, { name: "hopeful", partitions: 1 }]);

const counts = { safe: 0, hopeful: 0 };
const safe = new Producer({ ...client, acks: "all" });
const hopeful = new Producer({ ...client, acks: 0, enableIdempotence: false });
await hopeful.send({ topic: "hopeful", value: "first" });
counts.hopeful++;
for (let n = 0; n < 20_000; n++) {
  safe.send({ topic: "safe", value: `${n}` }).then(() => counts.safe++, () => {});
  hopeful.send({ topic: "hopeful", value: `${n}` }).then(() => counts.hopeful++, () => {});
}
while (counts.safe === 0) await new Promise((resolve) => setTimeout(resolve));

broker.kill("SIGKILL"); // no time to say goodbye
await broker.status;
await Promise.all([safe.close(0), hopeful.close(0)]);
console.log(`acknowledged before the kill: ${counts.safe} safe, ${counts.hopeful} hopeful`);

broker = await serve();
await using consumer = new Consumer(client);
for (const topic of ["safe", "hopeful"]) {
  const [{ offset }] = await consumer.endOffsets([{ topic, partition: 0 }]);
  console.log(`${topic}: ${offset} records are there`);
}
broker.kill("SIGTERM");
await broker.status;
await Deno.remove(data, { recursive: true });

/** Starts a server in a process of its own, and waits until it is ready. */
async function serve(): Promise<Deno.ChildProcess> {
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--allow-net",
      `--allow-read=${data}`,
      `--allow-write=${data}`,
      "--allow-sys=hostname,statfs",
      "cli/main.ts",
      "serve",
      ...["--listen", bootstrapServers, "--data", data],
    ],
    cwd: new URL("..", import.meta.url),
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const reader = child.stdout.getReader();
  await reader.read();
  reader.releaseLock();
  return child;
}

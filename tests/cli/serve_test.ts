// Real time: the command line as its users start it, in processes of their own.
import { assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import { Admin, denoEnvironment } from "../../mod.ts";
import { openDenoFolder } from "../../storage/kv/deno/deno_folder.ts";
import { FORMAT_KEY } from "../../storage/log/keys.ts";
import { serveToEnd, Serving } from "./process.ts";

const ANY_PORT = ["--listen", "127.0.0.1:0"];

/** Runs `serve` and expects one line on standard error, exit code 2, and nothing else. */
async function isRefused(args: readonly string[], message: string | RegExp): Promise<void> {
  const { code, stdout, stderr } = await serveToEnd(...args);
  assertEquals([code, stdout, stderr.split("\n").length], [2, "", 2], stderr);
  if (typeof message === "string") assertEquals(stderr, `odradek: ${message}\n`);
  else assertMatch(stderr, message);
}

Deno.test("serve tells in one line that it is ready, and ends with 0 at SIGTERM", async () => {
  await using serving = await Serving.start(...ANY_PORT, "--data", "memory:");
  const { code, stdout, stderr } = await serving.stop("SIGTERM");
  assertMatch(
    stdout,
    /^Odradek is ready on 127\.0\.0\.1:\d+: data memory:, 0 topics, \d+ ms\n$/,
  );
  assertEquals([code, stderr], [0, ""]);
});

Deno.test("serve ends with 0 at SIGINT, with connections open", async () => {
  await using serving = await Serving.start(...ANY_PORT, "--data", "memory:");
  using _idle = await Deno.connect({ hostname: "127.0.0.1", port: serving.port });
  assertEquals((await serving.stop("SIGINT")).code, 0);
});

Deno.test("serve makes its data folder, and finds it again", async () => {
  const parent = await Deno.makeTempDir();
  try {
    const data = `${parent}/new/folder`;
    for (let start = 0; start < 2; start++) {
      await using serving = await Serving.start(...ANY_PORT, "--data", data);
      assertStringIncludes(serving.readyLine, `data ${data}, 0 topics`);
      assertEquals((await serving.stop("SIGTERM")).code, 0);
    }
  } finally {
    await Deno.remove(parent, { recursive: true });
  }
});

Deno.test("serve refuses a data folder that another broker uses, and one that is a file", async () => {
  const data = await Deno.makeTempDir();
  try {
    await using _serving = await Serving.start(...ANY_PORT, "--data", data);
    await isRefused(
      [...ANY_PORT, "--data", data],
      `Cannot use the data folder "${data}": another broker has it open`,
    );
    await isRefused([...ANY_PORT, "--data", `${data}/lock`], new RegExp(`${data}/lock`));
  } finally {
    await Deno.remove(data, { recursive: true });
  }
});

Deno.test("serve ends with 1 and says why when another broker has taken its data folder over", async () => {
  const data = await Deno.makeTempDir();
  try {
    await using first = await Serving.start(...ANY_PORT, "--data", data, "--log-level", "error");
    await Deno.remove(`${data}/lock`); // what keeps others away
    await using _second = await Serving.start(...ANY_PORT, "--data", data);
    const environment = denoEnvironment({ log: { write: () => {} } });
    const bootstrapServers = `127.0.0.1:${first.port}`;
    const admin = new Admin({ environment, bootstrapServers, defaultApiTimeoutMs: 1_000 });
    await assertRejects(() => admin.createTopics([{ name: "late" }]));
    await admin.close();
    const { code, stderr } = await first.ended();
    assertEquals(code, 1, stderr);
    const lines = stderr.trimEnd().split("\n");
    const reason = `Another process has taken over the data in "${data}"`;
    assertEquals(lines.filter((line) => line.includes(`${reason}; this broker stops`)).length, 1);
    assertStringIncludes(lines.at(-1)!, `odradek: ${reason}: metadata was taken over`);
  } finally {
    await Deno.remove(data, { recursive: true });
  }
});

Deno.test("serve refuses a data folder of a format that it does not know", async () => {
  const data = await Deno.makeTempDir();
  try {
    const folder = await openDenoFolder(data);
    const store = await folder.open("log-0");
    await store.commit({ sets: [{ key: FORMAT_KEY, value: Uint8Array.of(0x0d, 99) }] });
    await store.close();
    await folder.close();
    await isRefused(
      [...ANY_PORT, "--data", data],
      new RegExp(`Cannot open the log in "${data}": .*99`),
    );
  } finally {
    await Deno.remove(data, { recursive: true });
  }
});

Deno.test("serve refuses a port that is in use", async () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const address = `127.0.0.1:${taken.addr.port}`;
  await isRefused(["--listen", address, "--data", "memory:"], new RegExp(`${address}.*in use`));
});

Deno.test("serve refuses what it does not understand", async () => {
  await isRefused(["--set", "num.partition=3"], "--set: Unknown configuration num.partition");
  await isRefused(
    ["--set", "num.partitions=many"],
    "--set: Invalid value many for configuration num.partitions: Not a number of type INT",
  );
  await isRefused(["--lisen", "127.0.0.1:0"], /^odradek: unknown option '--lisen' .*--listen/);
  await isRefused(["surplus"], /^odradek: too many arguments/);
  await isRefused(
    ["--config", "/no/such/file"],
    /^odradek: --config: cannot read \/no\/such\/file/,
  );
});

Deno.test("serve shows its options and examples", async () => {
  const { code, stdout, stderr } = await serveToEnd("--help");
  assertEquals([code, stderr], [0, ""]);
  for (const word of ["--listen", "--advertise", "--data", "--set", "--config", "Examples:"]) {
    assertStringIncludes(stdout, word);
  }
});

import { assertEquals, assertMatch } from "@std/assert";

const ROOT = new URL("../../", import.meta.url);

/** Runs an example to its end and returns what it printed. */
async function run(name: string, stdin = ""): Promise<string> {
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--no-prompt", "--allow-net", "--allow-run", "--allow-read", "--allow-write"],
      ...["--allow-sys=hostname,statfs", "--allow-env", `examples/${name}.ts`],
    ],
    cwd: ROOT,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(stdin));
  await writer.close();
  const { code, stdout, stderr } = await child.output();
  const decoder = new TextDecoder();
  assertEquals([code, decoder.decode(stderr)], [0, ""]);
  return decoder.decode(stdout);
}

Deno.test("Example 02 shows records of one key in one partition, in order", async () => {
  const shown = await run("02_broker_in_process");
  assertMatch(shown, /(\d)@0: ada wants a spool\n\1@1: ada wants a spool/);
});

Deno.test("Example 03 brings lines back in the order they went in", async () => {
  assertEquals(
    await run("03_lines_into_a_topic", "one\ntwo\nthree\n"),
    "0: one\n1: two\n2: three\n",
  );
});

Deno.test("Example 04 finds the first record at a time, and those behind it", async () => {
  const lines = (await run("04_find_by_time")).trim().split("\n");
  assertEquals(lines[0], "20:00 is at offset 20");
  assertEquals(lines.slice(1).map((line) => line.slice(11, 13)), ["20", "21", "22", "23"]);
});

Deno.test("Example 05 finds every record that was acknowledged with acks=all after a kill", async () => {
  const shown = await run("05_acks_and_a_crash");
  const acknowledged = Number(/(\d+) safe/.exec(shown)![1]);
  const there = Number(/safe: (\d+) records/.exec(shown)![1]);
  assertEquals([acknowledged > 0, there >= acknowledged], [true, true], shown);
});

Deno.test("Example 06 shows parcels of an aborted transaction to those only who want uncommitted ones", async () => {
  const lines = (await run("06_consume_transform_produce")).trim().split("\n");
  const parcels = "parcel with a spool, parcel with a thread, parcel with a star";
  assertEquals(lines, [
    "aborted: no more string",
    `read_uncommitted: ${parcels}, ${parcels}`,
    `read_committed: ${parcels}`,
  ]);
});

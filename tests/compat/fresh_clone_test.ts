/**
 * What a new user does first, by README's own words: a fresh clone, on a machine that has Node, and nothing else in its
 * path or its caches. `.ci/run` does the same with README's other command.
 *
 * @module
 */
import { assertEquals, assertMatch } from "@std/assert";
import { batchOf, createTopic, PRODUCE, produceTo } from "../server/topics.ts";
import { runProgram } from "./support/program.ts";
import { dial } from "./support/wire.ts";

const ROOT = new URL("../../", import.meta.url).pathname;

Deno.test("README's command starts a broker in a fresh clone on a machine with nothing but Node", async () => {
  const readme = await Deno.readTextFile(`${ROOT}README.md`);
  const [command] = /^npx -y deno@[\d.]+ task serve\b/m.exec(readme)!;
  const home = await Deno.makeTempDir({ prefix: "odradek-home-" });
  try {
    await printed("git", "clone", "--quiet", "--no-local", ROOT, `${home}/clone`);
    await Deno.mkdir(`${home}/bin`);
    for (const name of ["node", "npx", "sh"]) {
      await Deno.symlink(await printed("which", name), `${home}/bin/${name}`);
    }
    const [program, ...args] = command.split(" ");
    const npx = new Deno.Command(`${home}/bin/${program}`, {
      args: [...args, "--listen", "127.0.0.1:0"],
      cwd: `${home}/clone`,
      env: { ...Deno.env.toObject(), HOME: home, PATH: `${home}/bin` },
      clearEnv: true,
      detached: true, // a group of processes, which is stopped as one
      stdout: "piped",
      stderr: "null",
    }).spawn();
    try {
      const ready = await firstLine(npx.stdout);
      assertMatch(ready, /^Odradek is ready on 127\.0\.0\.1:\d+: data \S+, 0 topics, \d+ ms$/);
      await takesRecords(Number(/:(\d+):/.exec(ready)![1]));
    } finally {
      Deno.kill(-npx.pid, "SIGTERM");
      await npx.status;
    }
  } finally {
    await Deno.remove(home, { recursive: true });
  }
});

/** What a program prints, once it has ended with 0. */
async function printed(program: string, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await runProgram(program, args);
  assertEquals(code, 0, stderr);
  return stdout.trim();
}

async function firstLine(stdout: ReadableStream<Uint8Array>): Promise<string> {
  let text = "";
  for await (const piece of stdout.pipeThrough(new TextDecoderStream())) {
    text += piece;
    if (text.includes("\n")) break;
  }
  return text.split("\n")[0];
}

async function takesRecords(port: number): Promise<void> {
  using client = await dial({ host: "127.0.0.1", port });
  await createTopic(client, "first");
  const { responses } = await client.ask(PRODUCE, 9, produceTo("first", 0, batchOf("hello")));
  assertEquals(responses[0].partitionResponses[0].errorCode, 0);
}

/**
 * Writes every generated file again.
 *
 * Usage: deno task generate [FOLDER with Kafka's tables]
 *
 * Without the folder only COMPATIBILITY.md and the diagrams are written, which are made of the code alone.
 *
 * @module
 */
import { run } from "./run.ts";

/** Generators that read one of Kafka's tables. */
const FROM_TABLES = [
  ["tools/generate/errors.ts", "kafka-errors.json"],
  ["tools/generate/configs.ts", "kafka-configs.json"],
  ["tools/generate/messages.ts", "kafka-protocol.json"],
] as const;

async function deno(...args: string[]): Promise<void> {
  const { ok } = await run(Deno.execPath(), args);
  if (!ok) Deno.exit(1);
}

const [folder] = Deno.args;
if (folder !== undefined) {
  for (const [generator, table] of FROM_TABLES) {
    const permissions = ["--allow-read", "--allow-write", "--allow-run"];
    await deno("run", ...permissions, generator, `${folder}/${table}`);
  }
}
await deno("run", "--allow-read", "--allow-write", "tools/generate/compatibility.ts");
await deno("run", "--allow-read", "--allow-write", "tools/generate/diagrams.ts");
await deno("fmt", "--quiet", "protocol", "config", "COMPATIBILITY.md");

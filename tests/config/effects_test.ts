import { assertEquals } from "@std/assert";
import { BROKER_DEFINITIONS, TOPIC_DEFINITIONS } from "../../config/definitions.ts";
import { BROKER_EFFECTS, TOPIC_EFFECTS } from "../../config/effects.ts";
import { ODRADEK_DEFINITIONS } from "../../config/odradek_definitions.ts";

const ROOT = new URL("../../", import.meta.url);
const READERS = ["actors", "cli", "config", "server", "storage"];

async function* sources(folder: URL): AsyncIterable<string> {
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (isDirectory) yield* sources(new URL(`${name}/`, folder));
    else if (name.endsWith(".ts")) yield await Deno.readTextFile(new URL(name, folder));
  }
}

async function code(folders: readonly string[]): Promise<string> {
  const texts = [await Deno.readTextFile(new URL("mod.ts", ROOT))];
  for (const folder of folders) {
    for await (const text of sources(new URL(`${folder}/`, ROOT))) texts.push(text);
  }
  return texts.join("\n");
}

Deno.test("The broker settings with an effect are those that the code reads", async () => {
  const reads = (await code(READERS))
    .matchAll(/\.(?:int|long|double|boolean|string|list|text|isSet)\(\s*"([\w.]+)"/g);
  const read = new Set(
    [...reads].map(([, name]) => name).filter((name) => name in BROKER_DEFINITIONS),
  );
  const told = [...Object.keys(BROKER_EFFECTS), ...Object.keys(ODRADEK_DEFINITIONS)];
  assertEquals([...read].sort(), told.sort());
});

Deno.test("The topic settings with an effect are those that the code reads", async () => {
  const text = await code(READERS.filter((folder) => folder !== "config"));
  const read = Object.keys(TOPIC_DEFINITIONS).filter((name) => {
    const field = name.replaceAll(/\.(\w)/g, (_, letter: string) => letter.toUpperCase());
    return text.includes(`config.${field}`);
  });
  assertEquals(Object.keys(TOPIC_EFFECTS).sort(), read.sort());
});

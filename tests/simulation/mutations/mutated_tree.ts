import { assertEquals } from "@std/assert";
import type { Mutation } from "./mutations.ts";

const ROOT = new URL("../../../", import.meta.url);
/** What a simulation consists of. */
const PARTS = [
  "actors",
  "client",
  "config",
  "deno.json",
  "environment",
  "mod.ts",
  "protocol",
  "server",
  "storage",
  "testing",
  "tests/simulation",
  "tools/tasks",
  "types",
];

/** What came of a run on a mutated tree. */
export interface MutantRun {
  readonly success: boolean;
  /** Standard output: see `tools/tasks/simulate.ts`. */
  readonly output: string;
}

/** Runs a scenario on a copy of the tree in which one rule is switched off, up to the first violation. */
export async function runMutant(mutation: Mutation, seeds: number): Promise<MutantRun> {
  const tree = await Deno.makeTempDir({ prefix: "odradek-mutant-" });
  try {
    for (const part of PARTS) await copy(new URL(part, ROOT), `${tree}/${part}`);
    await mutate(`${tree}/${mutation.file}`, mutation);
    const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [
        ...["run", "--no-check", "--no-lock", `--allow-read=${tree}`],
        ...["tools/tasks/simulate.ts", "--seeds", String(seeds), "--stop"],
        ...mutation.scenario === undefined ? [] : ["--scenario", mutation.scenario],
      ],
      cwd: tree,
      env: { NO_COLOR: "1" },
    }).output();
    const decoder = new TextDecoder();
    return { success, output: decoder.decode(stdout) + decoder.decode(stderr) };
  } finally {
    await Deno.remove(tree, { recursive: true });
  }
}

async function mutate(path: string, { rule, edits }: Mutation): Promise<void> {
  let source = await Deno.readTextFile(path);
  for (const { find, replace } of edits) {
    const message = `${rule}: "${find}" is not there exactly once`;
    assertEquals(source.split(find).length - 1, 1, message);
    source = source.replace(find, () => replace);
  }
  await Deno.writeTextFile(path, source);
}

async function copy(from: URL, to: string): Promise<void> {
  if ((await Deno.stat(from)).isFile) {
    await Deno.mkdir(to.slice(0, to.lastIndexOf("/")), { recursive: true });
    await Deno.copyFile(from, to);
    return;
  }
  for await (const { name } of Deno.readDir(from)) {
    await copy(new URL(`${from.href.replace(/\/$/, "")}/${name}`), `${to}/${name}`);
  }
}

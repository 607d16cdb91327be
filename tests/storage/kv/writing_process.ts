/** Started by deno_folder_test.ts, to be killed: commits pairs of entries for ever and prints what is durable. */
import { key } from "../../../storage/kv/key.ts";
import { openDenoFolder } from "../../../storage/kv/deno/deno_folder.ts";

const [path, from] = Deno.args;
const folder = await openDenoFolder(path);
const kv = await folder.open("log-0");
const print = (line: string) => Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
print("open");
const value = new Uint8Array(20_000);
for (let at = Number(from);; at++) {
  const sets = ["left", "right"].map((side) => ({ key: key(side, at), value }));
  const outcome = await kv.commit({ sets });
  if (outcome.kind !== "ok") throw new Error(outcome.kind);
  print(String(at));
}

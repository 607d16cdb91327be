/**
 * `shrink`: gives the disk back what a data folder does not use any more.
 *
 * @module
 */
import type { Command } from "commander";
import { shrinkStore } from "../storage/kv/deno/shrink.ts";
import { withClosedStores } from "./data_folder.ts";
import type { Terminal } from "./terminal.ts";

interface ShrinkArguments {
  readonly data: string;
}

const HELP = `
While a broker runs, the space of deleted records is used again, but files do not get smaller. This copies each store to a
new file, compares the two, and puts the new one in the place of the old: the disk needs room for the largest of them.
Exit code: 0 done, 1 failed (the store is as it was), 2 cannot look.`;

/** Adds `shrink` to the program. */
export function addShrinkCommand(program: Command, terminal: Terminal): void {
  program.command("shrink")
    .description(
      "Give the disk back what the data folder of a broker that does not run does not use",
    )
    .option("--data <dir>", "the data folder", "./data")
    .addHelpText("after", HELP)
    .action(({ data }: ShrinkArguments) => shrink(data, terminal));
}

async function shrink(data: string, terminal: Terminal): Promise<void> {
  await withClosedStores(data, async (store, name) => {
    const { beforeBytes, afterBytes } = await shrinkStore(store).catch((cause) => {
      throw new Error(`Cannot shrink ${store}: ${cause.message}`, { cause });
    });
    terminal.print(`${name}: ${afterBytes} bytes, ${beforeBytes} before`);
  });
}

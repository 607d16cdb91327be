/**
 * `repair`: mends in a data folder what can be mended without guessing.
 *
 * @module
 */
import type { Command } from "commander";
import { denoEnvironment } from "../environment/deno/deno_environment.ts";
import { stderrLog } from "../environment/deno/stderr_log.ts";
import { isSound } from "../storage/log/check/report.ts";
import { repairStores } from "../storage/log/repair/repair_folder.ts";
import { openDataFolder } from "./data_folder.ts";
import type { Terminal } from "./terminal.ts";

interface RepairArguments {
  readonly data: string;
  readonly dryRun: boolean;
}

const HELP = `
Tells every change. Keep a copy of the folder first. What cannot be mended without guessing stays as it is.
Exit code: 0 sound now, 1 some damage is left, 2 cannot look.`;

/** Adds `repair` to the program. */
export function addRepairCommand(program: Command, terminal: Terminal): void {
  program.command("repair")
    .description("Mend what can be mended in the data folder of a broker that does not run")
    .option("--data <dir>", "the data folder", "./data")
    .option("--dry-run", "only tell what would be done", false)
    .addHelpText("after", HELP)
    .action((typed: RepairArguments) => repair(typed, terminal));
}

async function repair({ data, dryRun }: RepairArguments, terminal: Terminal): Promise<void> {
  await using folder = await openDataFolder(data);
  let changes = 0;
  const report = await repairStores({
    stores: folder.stores,
    environment: denoEnvironment({ log: stderrLog({ level: "warn" }) }),
    dryRun,
    tell: (line) => {
      changes++;
      terminal.print(dryRun ? `would: ${line}` : line);
    },
  });
  terminal.print(changes === 1 ? "1 change" : `${changes} changes`);
  if (!isSound(report)) {
    throw new Error(
      dryRun
        ? `the data in ${data} is damaged`
        : `the data in ${data} is still damaged: check tells`,
    );
  }
}

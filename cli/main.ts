/**
 * The command line.
 *
 * Exit codes: 0 done; 2 what was asked for cannot be, so that somebody has to put it right: told in one line; 1 it was tried
 * and has failed: told in one line too, or with a stack when it is a fault of this program.
 *
 * @module
 */
import { Command, CommanderError } from "commander";
import manifest from "../deno.json" with { type: "json" };
import { addCheckCommand } from "./check.ts";
import { addConsumeCommand } from "./consume.ts";
import { userMessage } from "./fault.ts";
import { addGroupCommand } from "./group.ts";
import { addProduceCommand } from "./produce.ts";
import { addRepairCommand } from "./repair.ts";
import { addServeCommand } from "./serve.ts";
import { addShrinkCommand } from "./shrink.ts";
import { denoTerminal, type Terminal } from "./terminal.ts";
import { addTopicCommand } from "./topic.ts";
import { addTxnCommand } from "./txn.ts";
import { UsageError } from "./usage_error.ts";

/** Runs one command and answers the exit code. */
export async function main(args: readonly string[], terminal: Terminal): Promise<number> {
  try {
    await program(terminal).parseAsync(args, { from: "user" });
    return 0;
  } catch (error) {
    // Who reads our output has enough: `odradek consume … | head`.
    if (error instanceof Deno.errors.BrokenPipe) return 0;
    // Commander has told help, version or what is wrong already.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    const message = userMessage(error);
    if (message === null) {
      terminal.complain(`odradek: ${error instanceof Error ? error.stack : error}`);
      return 1;
    }
    terminal.complain(`odradek: ${message}`);
    return error instanceof UsageError ? 2 : 1;
  }
}

function program(terminal: Terminal): Command {
  const program = new Command("odradek")
    .description("A Kafka-compatible broker")
    .version(manifest.version)
    .configureOutput({
      writeOut: (text) => terminal.print(text.trimEnd()),
      writeErr: (text) => terminal.complain(text.trimEnd()),
      // Commander would ask the environment, for which serve has no permission.
      getOutHasColors: () => false,
      getErrHasColors: () => false,
      outputError: (text) => terminal.complain(oneLine(text)),
    })
    .exitOverride();
  addServeCommand(program, terminal);
  addTopicCommand(program, terminal);
  addProduceCommand(program, terminal);
  addConsumeCommand(program, terminal);
  addGroupCommand(program, terminal);
  addTxnCommand(program, terminal);
  addCheckCommand(program, terminal);
  addRepairCommand(program, terminal);
  addShrinkCommand(program, terminal);
  return program;
}

/** What commander says about a wrong option: `error: …`, with a suggestion on a line of its own. */
function oneLine(text: string): string {
  return text.trim().replace(/^error: /, "odradek: ").replaceAll(/\s*\n\s*/g, " ");
}

if (import.meta.main) Deno.exit(await main(Deno.args, denoTerminal()));

/**
 * The command line.
 *
 * Exit codes: 0 done; 1 a fault of this program, told with its stack; 2 something the user can put right, told in one line.
 *
 * @module
 */
import { Command, CommanderError } from "commander";
import manifest from "../deno.json" with { type: "json" };
import { userMessage } from "./fault.ts";
import { addServeCommand } from "./serve.ts";
import { denoTerminal, type Terminal } from "./terminal.ts";

/** Runs one command and answers the exit code. */
export async function main(args: readonly string[], terminal: Terminal): Promise<number> {
  try {
    await program(terminal).parseAsync(args, { from: "user" });
    return 0;
  } catch (error) {
    // Commander has told help, version or what is wrong already.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    const message = userMessage(error);
    if (message === null) {
      terminal.complain(`odradek: ${error instanceof Error ? error.stack : error}`);
      return 1;
    }
    terminal.complain(`odradek: ${message}`);
    return 2;
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
  return program;
}

/** What commander says about a wrong option: `error: …`, with a suggestion on a line of its own. */
function oneLine(text: string): string {
  return text.trim().replace(/^error: /, "odradek: ").replaceAll(/\s*\n\s*/g, " ");
}

if (import.meta.main) Deno.exit(await main(Deno.args, denoTerminal()));

/**
 * What a command has of the outside world beside the broker: so that tests run commands in their own process.
 *
 * @module
 */

/** The outside world of a command. */
export interface Terminal {
  /** Writes a line to standard output. */
  print(line: string): void;
  /** Writes a line to standard error. */
  complain(line: string): void;
  /** Calls `stop` at the first SIGINT or SIGTERM; from the second on the process ends at once. */
  onStop(stop: () => void): void;
  /** The text of a file. */
  readFile(path: string): Promise<string>;
  /** Milliseconds since the process was started. */
  sinceStartMs(): number;
}

const EXIT_INTERRUPTED = 130;

/** The real one, through Deno. */
export function denoTerminal(): Terminal {
  const encoder = new TextEncoder();
  const writeLine = (sink: { writeSync(bytes: Uint8Array): number }, line: string) => {
    let bytes = encoder.encode(`${line}\n`);
    while (bytes.length > 0) bytes = bytes.subarray(sink.writeSync(bytes));
  };
  return {
    print: (line) => writeLine(Deno.stdout, line),
    complain: (line) => writeLine(Deno.stderr, line),
    onStop(stop) {
      let asked = false;
      const onSignal = () => {
        if (asked) Deno.exit(EXIT_INTERRUPTED);
        asked = true;
        stop();
      };
      Deno.addSignalListener("SIGINT", onSignal);
      // Windows has no SIGTERM.
      if (Deno.build.os !== "windows") Deno.addSignalListener("SIGTERM", onSignal);
    },
    readFile: (path) => Deno.readTextFile(path),
    sinceStartMs: () => performance.now(),
  };
}

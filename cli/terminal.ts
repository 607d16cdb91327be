/**
 * What a command has of the outside world beside the broker: so that tests run commands in their own process.
 *
 * @module
 */

/** The outside world of a command. */
export interface Terminal {
  /** Writes a line to standard output. */
  print(line: string): void;
  /** Writes bytes to standard output. */
  write(bytes: Uint8Array): void;
  /** Standard input. */
  input(): ReadableStream<Uint8Array>;
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
  return {
    print: (line) => writeAll(Deno.stdout, encoder.encode(`${line}\n`)),
    write: (bytes) => writeAll(Deno.stdout, bytes),
    input: () => Deno.stdin.readable,
    complain: (line) => writeAll(Deno.stderr, encoder.encode(`${line}\n`)),
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

function writeAll(sink: { writeSync(bytes: Uint8Array): number }, bytes: Uint8Array): void {
  for (let written = 0; written < bytes.length;) {
    written += sink.writeSync(bytes.subarray(written));
  }
}

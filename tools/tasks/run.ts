/**
 * Runs other programs for the tasks, and counts what test runners say.
 *
 * @module
 */

/** How a program ended. */
export interface Ran {
  readonly ok: boolean;
  readonly seconds: number;
  /** What it wrote to standard output and standard error, in the order in which it came. */
  readonly output: string;
}

/** How many tests passed and failed. */
export interface Counts {
  readonly passed: number;
  readonly failed: number;
}

/** Runs a program, shows what it writes as it comes, and keeps it. A program that is not there has failed. */
export async function run(command: string, args: readonly string[]): Promise<Ran> {
  const startMs = performance.now();
  const pieces: string[] = [];
  let ok = false;
  try {
    const child = new Deno.Command(command, {
      args: [...args],
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const [status] = await Promise.all([
      child.status,
      show(child.stdout, Deno.stdout, pieces),
      show(child.stderr, Deno.stderr, pieces),
    ]);
    ok = status.success;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    pieces.push(`${command}: not found\n`);
    await Deno.stderr.write(new TextEncoder().encode(pieces.at(-1)));
  }
  return { ok, seconds: (performance.now() - startMs) / 1000, output: pieces.join("") };
}

/** Whether a program can be started and answers `args` with success. */
export async function works(command: string, args: readonly string[]): Promise<boolean> {
  try {
    const { success } = await new Deno.Command(command, {
      args: [...args],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).output();
    return success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** What test runners close with: `ok | 49 passed | 0 failed (374ms)`, and `49 passed, 0 failed`. */
const CLOSING_LINES = [
  /^(?:ok|FAILED) \| (\d+) passed.* \| (\d+) failed/gm,
  /^(\d+) passed, (\d+) failed$/gm,
];

/** The sum of all closing lines in an output: those of `deno test`, and plain ones. */
export function countTests(output: string): Counts {
  // deno-lint-ignore no-control-regex
  const plain = output.replaceAll(/\x1b\[[0-9;]*m/g, "");
  let passed = 0;
  let failed = 0;
  for (const line of CLOSING_LINES.flatMap((pattern) => [...plain.matchAll(pattern)])) {
    passed += Number(line[1]);
    failed += Number(line[2]);
  }
  return { passed, failed };
}

async function show(
  source: ReadableStream<Uint8Array>,
  sink: { write(bytes: Uint8Array): Promise<number> },
  pieces: string[],
): Promise<void> {
  const decoder = new TextDecoder();
  for await (const bytes of source) {
    pieces.push(decoder.decode(bytes, { stream: true }));
    for (let written = 0; written < bytes.length;) {
      written += await sink.write(bytes.subarray(written));
    }
  }
}

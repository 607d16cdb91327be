/**
 * How to see a failure again, if nobody says better: by running its file again. Seeds do not change by themselves.
 *
 * @module
 */
import { mainModule } from "./macrotask.ts";

/** What test files are called. */
const TEST_FILE = /(?:^|[._/])test\.[cm]?[jt]sx?$/;

/** The command that runs this program again; what to call where there is no such command. */
export function replayCommandOf(
  seed: number | string,
  main: string = mainModule(),
): string {
  if (!main.startsWith("file:")) return `simulate({ seed: ${JSON.stringify(seed)} })`;
  const path = decodeURIComponent(new URL(main).pathname);
  const file = /^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`;
  return `deno ${TEST_FILE.test(path) ? "test" : "run"} -A ${file}`;
}

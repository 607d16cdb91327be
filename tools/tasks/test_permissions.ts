/**
 * What tests may do: `deno task test` in deno.json names the same, and a test compares the two.
 *
 * @module
 */

/** Permissions of tests. They start subprocesses, and clients of other projects read the environment. */
export const TEST_PERMISSIONS: readonly string[] = [
  "--allow-read",
  "--allow-write",
  "--allow-net=127.0.0.1,localhost,0.0.0.0,[::1]",
  "--allow-run",
  "--allow-env",
  "--allow-sys",
  "--allow-ffi",
];

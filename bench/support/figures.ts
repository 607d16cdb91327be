/** Milliseconds that `run` takes. */
export async function millisOf(run: () => Promise<unknown>): Promise<number> {
  const startMs = performance.now();
  await run();
  return performance.now() - startMs;
}

/** The value at `share` (0 to 1) of the sorted values. */
export function at(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
}

/** `median (lowest–highest)`. */
export function spread(values: readonly number[], digits = 2): string {
  const [low, middle, high] = [0, 0.5, 1].map((share) => at(values, share).toFixed(digits));
  return `${middle} (${low}–${high})`;
}

/** Prints one line. */
export function say(line = ""): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}

/** Resident memory of a process in MB (Linux). */
export function residentMb(pid: number): number {
  // By `cat`, because Deno wants all permissions for a look into /proc.
  const { stdout } = new Deno.Command("cat", { args: [`/proc/${pid}/status`] }).outputSync();
  return Number(/VmRSS:\s+(\d+) kB/.exec(new TextDecoder().decode(stdout))![1]) / 1024;
}

/** Processor time that a process has taken, in seconds (Linux). */
export function cpuSeconds(pid: number): number {
  const { stdout } = new Deno.Command("cat", { args: [`/proc/${pid}/stat`] }).outputSync();
  const [, , , , , , , , , , , user, system] = new TextDecoder().decode(stdout)
    .replace(/^.*\) /, "").split(" ");
  return (Number(user) + Number(system)) / 100;
}

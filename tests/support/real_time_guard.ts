/**
 * Loaded before each test file by `deno task test`: a test that sets a timer of the machine, by itself or through whatever it
 * uses, has to say why in its file, in a line that begins with `// Real time:`. All others run in virtual time.
 *
 * @module
 */

/** What a file says that may use the machine's timers. */
export const SAYS_WHY = /^\/\/ Real time: \S/m;

const main = new URL(Deno.mainModule);
let mayWait: boolean | null = null;

/** Throws unless the test file says why it may wait. */
function requireReason(what: string): void {
  mayWait ??= SAYS_WHY.test(Deno.readTextFileSync(main));
  if (mayWait) return;
  throw new Error(
    `${main.pathname} uses ${what}. Let time be virtual, or say why not: "// Real time: …"`,
  );
}

/** A timer that is due at once is a turn of the event loop: nobody waits for it. */
const waits = (delayMs: unknown) => Number(delayMs) > 0;

const { setTimeout, setInterval } = globalThis;
globalThis.setTimeout = ((run: () => void, delayMs?: number, ...more: []) => {
  if (waits(delayMs)) requireReason("setTimeout");
  return setTimeout(run, delayMs, ...more);
}) as typeof setTimeout;
globalThis.setInterval = ((run: () => void, delayMs?: number, ...more: []) => {
  requireReason("setInterval");
  return setInterval(run, delayMs, ...more);
}) as typeof setInterval;

const timeout = AbortSignal.timeout.bind(AbortSignal);
AbortSignal.timeout = (delayMs) => {
  requireReason("AbortSignal.timeout");
  return timeout(delayMs);
};

/** How a program ended. */
export interface ProgramEnd {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** How a program is run. */
export interface ProgramOptions {
  /** What it reads; nothing if left out. */
  readonly stdin?: string | Uint8Array;
  /** It is killed, and has failed, if it takes longer. */
  readonly timeoutMs?: number;
}

/** Runs a program to its end. */
export async function runProgram(
  command: string,
  args: readonly string[],
  options: ProgramOptions = {},
): Promise<ProgramEnd> {
  const decoder = new TextDecoder();
  const { code, stdout, stderr } = await runForBytes(command, args, options);
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

/** The same, for a program that writes something other than text. */
export async function runForBytes(
  command: string,
  args: readonly string[],
  { stdin = "", timeoutMs = 60_000 }: ProgramOptions = {},
): Promise<Deno.CommandOutput> {
  const child = new Deno.Command(command, {
    args: [...args],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
    signal: AbortSignal.timeout(timeoutMs),
  }).spawn();
  const [output] = await Promise.all([child.output(), feed(child.stdin, stdin)]);
  return output;
}

/** A program may end before it has read everything. */
async function feed(sink: WritableStream<Uint8Array>, text: string | Uint8Array): Promise<void> {
  const bytes = typeof text === "string" ? new TextEncoder().encode(text) : text;
  try {
    await new Response(bytes as BodyInit).body!.pipeTo(sink);
  } catch (error) {
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
  }
}

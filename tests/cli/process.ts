import manifest from "../../deno.json" with { type: "json" };

const ROOT = new URL("../../", import.meta.url);

/** How a command ended. */
export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** `serve` with the permissions that its task gives it, and no others. */
function serveCommand(args: readonly string[]): Deno.Command {
  const [, ...words] = manifest.tasks.serve.command.split(" ");
  return new Deno.Command(Deno.execPath(), {
    args: [...words, ...args],
    cwd: ROOT,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
}

/** Runs `serve` where it is expected to end by itself. */
export async function serveToEnd(...args: string[]): Promise<Ended> {
  const { code, stdout, stderr } = await serveCommand(args).output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

/** A running `serve`. Disposing it kills it, when it has not ended yet. */
export class Serving implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #stderr: Promise<string>;
  readonly #stdout: ReadableStreamDefaultReader<string>;
  #told = "";

  private constructor(child: Deno.ChildProcess) {
    this.#child = child;
    this.#stderr = new Response(child.stderr).text();
    this.#stdout = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  }

  /** Starts `serve` and waits for its first line on standard output. */
  static async start(...args: string[]): Promise<Serving> {
    const serving = new Serving(serveCommand(args).spawn());
    while (!serving.#told.includes("\n")) {
      const { done, value } = await serving.#stdout.read();
      if (done) throw new Error(`serve has ended: ${await serving.#stderr}`);
      serving.#told += value;
    }
    return serving;
  }

  /** The line that tells that it is ready. */
  get readyLine(): string {
    return this.#told.split("\n")[0];
  }

  /** The port of its first listener. */
  get port(): number {
    return Number(/:(\d+)[:,]/.exec(this.readyLine)![1]);
  }

  /** Its process id. */
  get pid(): number {
    return this.#child.pid;
  }

  /** Sends a signal and waits for the end. */
  async stop(signal: Deno.Signal): Promise<Ended> {
    this.#child.kill(signal);
    return await this.ended();
  }

  /** Waits for the end. */
  async ended(): Promise<Ended> {
    for (;;) {
      const { done, value } = await this.#stdout.read();
      if (done) break;
      this.#told += value;
    }
    const { code } = await this.#child.status;
    return { code, stdout: this.#told, stderr: await this.#stderr };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // it has ended already
    }
    await this.#stdout.cancel();
    await Promise.all([this.#child.status, this.#stderr]);
  }
}

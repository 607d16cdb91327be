import { type ProgramEnd, runProgram } from "./program.ts";

const SOURCES = new URL("../java/", import.meta.url).pathname;
const CACHE = new URL("../../../.cache/", import.meta.url).pathname;

/** The class path of Kafka's console tools, where `deno task test:compat` puts them. */
export const KAFKA_TOOLS = `${CACHE}java/*`;

/** The class path of one version of Kafka's clients. */
export function kafkaClients(version: string): string {
  return `${CACHE}kafka-clients/${version}/*`;
}

/** Compiles programs of `tests/compat/java`, to a temporary folder that is returned. */
export async function compileJava(
  programs: readonly string[],
  classPath: string,
): Promise<string> {
  const classes = await Deno.makeTempDir({ prefix: "odradek-java-" });
  const sources = programs.map((program) => `${SOURCES}${program}.java`);
  const args = ["-d", classes, "-cp", classPath, ...sources];
  const { code, stderr } = await runProgram("javac", args);
  if (code !== 0) throw new Error(`javac: ${stderr}`);
  return classes;
}

/** A JVM that runs Kafka's console tools, and programs of our own, one after the other. */
export class Jvm implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #classes: string;
  readonly #requests: WritableStreamDefaultWriter<Uint8Array>;
  readonly #answers: ReadableStreamDefaultReader<string>;
  #unread = "";

  private constructor(child: Deno.ChildProcess, classes: string) {
    this.#child = child;
    this.#classes = classes;
    this.#requests = child.stdin.getWriter();
    this.#answers = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  }

  /** Starts a JVM that knows these programs of `tests/compat/java` besides Kafka's tools. */
  static async start(programs: readonly string[] = []): Promise<Jvm> {
    const classes = await compileJava(["Tools", ...programs], KAFKA_TOOLS);
    const args = ["-Xmx512m", "-XX:+UseSerialGC", "-cp", `${classes}:${KAFKA_TOOLS}`, "Tools"];
    const child = new Deno.Command("java", {
      args,
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    return new Jvm(child, classes);
  }

  /** Runs the main method of a class. */
  async run(tool: string, args: readonly string[], stdin = ""): Promise<ProgramEnd> {
    const line = [tool, stdin, ...args].map(encoded).join(" ");
    await this.#requests.write(new TextEncoder().encode(`${line}\n`));
    const [code, stdout, stderr] = (await this.#line()).split(" ").map(decoded);
    return { code: Number(code), stdout, stderr };
  }

  async #line(): Promise<string> {
    for (;;) {
      const end = this.#unread.indexOf("\n");
      if (end >= 0) {
        const line = this.#unread.slice(0, end);
        this.#unread = this.#unread.slice(end + 1);
        return line;
      }
      const { done, value } = await this.#answers.read();
      if (done) throw new Error("The JVM has ended");
      this.#unread += value;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#requests.close();
    await this.#answers.cancel();
    await this.#child.status;
    await Deno.remove(this.#classes, { recursive: true });
  }
}

/** Starts a JVM before the first test of a file, and ends it after the last one. To be read within tests only. */
export function jvmOfSuite(...programs: string[]): { readonly jvm: Jvm } {
  let jvm: Jvm;
  Deno.test.beforeAll(async () => void (jvm = await Jvm.start(programs)));
  Deno.test.afterAll(() => jvm[Symbol.asyncDispose]());
  return {
    get jvm() {
      return jvm;
    },
  };
}

function encoded(text: string): string {
  return `.${new TextEncoder().encode(text).toBase64()}`;
}

function decoded(word: string): string {
  return new TextDecoder().decode(Uint8Array.fromBase64(word.slice(1)));
}

// Real time: it starts and watches real processes.
import { compileJava, KAFKA_TOOLS } from "../../compat/support/java.ts";
import type { WorkerTask } from "./task.ts";

/** What a worker is made of. */
export type WorkerKind = "odradek" | "kafkajs" | "java";

/** Tells how to start a worker of a kind. */
export type Launch = (task: WorkerTask) => Deno.Command;

/** How workers of a kind are started; compiles what has to be compiled. */
export async function launcher(kind: WorkerKind): Promise<Launch> {
  if (kind !== "java") return (task) => deno(SCRIPTS[kind], task);
  const classes = await compileJava(["ExactlyOnceWorker"], KAFKA_TOOLS);
  return ({ bootstrap, group, transactionalId, input, output }) =>
    new Deno.Command("java", {
      args: [
        ...["-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"],
        ...["-cp", `${classes}:${KAFKA_TOOLS}`, "ExactlyOnceWorker"],
        ...[bootstrap, group, transactionalId, input, output],
      ],
      ...STREAMS,
    });
}

/**
 * A worker that is started again whenever it ends, until it is told to stop: it is killed, or dies of being fenced, and its
 * successor has the same transactional id.
 */
export class Worker {
  readonly kind: WorkerKind;
  readonly #start: () => Deno.Command;
  readonly #onDeath: (error: string) => void;
  #child: Deno.ChildProcess;
  #isOver = false;
  #watching: Promise<void>;

  /** `onDeath` is called with what it wrote on standard error when it ended by itself. */
  constructor(
    kind: WorkerKind,
    launch: Launch,
    task: WorkerTask,
    onDeath: (error: string) => void,
  ) {
    this.kind = kind;
    this.#start = () => launch(task);
    this.#onDeath = onDeath;
    this.#child = this.#start().spawn();
    this.#watching = this.#watch(this.#child);
  }

  /** `kill -9`; it comes back. */
  kill(): void {
    this.#signal("SIGKILL");
  }

  /** Ends it for good: with SIGTERM, and with SIGKILL if that takes too long. */
  async stop(): Promise<void> {
    this.#isOver = true;
    this.#signal("SIGTERM");
    const timer = setTimeout(() => this.#signal("SIGKILL"), STOP_MS);
    await this.#watching;
    clearTimeout(timer);
  }

  async #watch(child: Deno.ChildProcess): Promise<void> {
    const stderr = await new Response(child.stderr).text();
    const { signal } = await child.status;
    if (this.#isOver) return;
    if (signal !== "SIGKILL") {
      this.#onDeath(stderr);
      await new Promise((resolve) => setTimeout(resolve, RESTART_MS));
      if (this.#isOver) return;
    }
    this.#child = this.#start().spawn();
    this.#watching = this.#watch(this.#child);
    await this.#watching;
  }

  #signal(signal: Deno.Signal): void {
    try {
      this.#child.kill(signal);
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // it has ended already
    }
  }
}

const STOP_MS = 15_000;
/** Before a worker that died is started again. */
const RESTART_MS = 300;
const STREAMS = { stdin: "null", stdout: "null", stderr: "piped" } as const;
const SCRIPTS = { odradek: "worker.ts", kafkajs: "kafkajs_worker.ts" } as const;

function deno(script: string, task: WorkerTask): Deno.Command {
  const path = new URL(script, import.meta.url).pathname;
  return new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--no-check", "--allow-net", "--allow-read", "--allow-env", "--allow-sys"],
      ...[path, JSON.stringify(task)],
    ],
    ...STREAMS,
  });
}

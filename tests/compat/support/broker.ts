import { Serving } from "../../cli/process.ts";

/**
 * Names a broker that is running already, `HOST:PORT`: the suites then talk to that one. Against Apache Kafka they show
 * whether they expect the right thing.
 */
const OTHER_BROKER = Deno.env.get("ODRADEK_COMPAT_BOOTSTRAP");

/** Whether the suite talks to this project's broker, so that what is particular about it can be asserted. */
export const isOdradek = OTHER_BROKER === undefined;

/** The broker that a suite talks to. */
export interface BrokerUnderTest {
  readonly host: string;
  readonly port: number;
  /** `host:port`. */
  readonly bootstrap: string;
}

/**
 * Starts `serve` before the first test of a file, on a free port and a data folder of its own, and stops it after the
 * last one. To be read within tests only.
 *
 * @throws {Error} after the last test, when the broker did not end with 0 at SIGTERM or complained on standard error
 */
export function brokerOfSuite(...options: string[]): BrokerUnderTest {
  let data: string;
  let serving: Serving | null = null;
  let port = Number(OTHER_BROKER?.split(":")[1]);

  Deno.test.beforeAll(async () => {
    if (!isOdradek) return;
    data = await Deno.makeTempDir({ prefix: "odradek-compat-" });
    serving = await Serving.start("--listen", "127.0.0.1:0", "--data", data, ...options);
    port = serving.port;
  });
  Deno.test.afterAll(async () => {
    if (serving === null) return;
    const { code, stderr } = await serving.stop("SIGTERM");
    await serving[Symbol.asyncDispose]();
    await Deno.remove(data, { recursive: true });
    if (code !== 0 || stderr !== "") throw new Error(`serve ended with ${code}: ${stderr}`);
  });

  return {
    host: OTHER_BROKER?.split(":")[0] ?? "127.0.0.1",
    get port() {
      return port;
    },
    get bootstrap() {
      return `${this.host}:${this.port}`;
    },
  };
}

/** A name that no other topic has: the broker may be one that has been used before. */
export function uniqueName(what: string): string {
  return `${what}-${crypto.randomUUID().slice(0, 8)}`;
}

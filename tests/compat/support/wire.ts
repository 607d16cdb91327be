import type { Address } from "../../../environment/environment.ts";
import { denoEnvironment } from "../../../environment/deno/deno_environment.ts";
import { stderrLog } from "../../../environment/deno/stderr_log.ts";
import { WireClient } from "../../server/support.ts";

/** A bare connection, for what no client shows: batches as they are stored, requests in a version of choice. */
export async function dial(address: Address): Promise<WireClient> {
  const { network } = denoEnvironment({ log: stderrLog({ level: "warn" }) });
  return new WireClient(await network.dial(address));
}

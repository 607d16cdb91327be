import { ERROR_CODES } from "../../protocol/errors.ts";
import { decodeResponse, encodeRequest } from "../../protocol/frames.ts";
import { Reader } from "../../protocol/schema/mod.ts";
import type { ApiVersionsResponse } from "../../protocol/messages/18_api_versions.ts";
import { API_VERSIONS } from "../apis.ts";
import { throwIfError } from "../errors.ts";
import { BrokerVersions } from "./broker_versions.ts";
import type { Channel } from "./channel.ts";
import type { ConnectionOptions } from "./connection.ts";

/** What this client calls itself. Source of the form: KIP-511. */
export const SOFTWARE = { clientSoftwareName: "odradek", clientSoftwareVersion: "0.1.0" };

/**
 * Asks a broker for the versions of its APIs. It is asked in the newest version first; a broker that does not know that
 * one answers UNSUPPORTED_VERSION in the form of version 0 and names what it has (KIP-511).
 *
 * @throws {KafkaError} NETWORK_EXCEPTION, REQUEST_TIMED_OUT, or the broker's refusal
 */
export async function negotiate(
  channel: Channel,
  options: ConnectionOptions,
): Promise<BrokerVersions> {
  const newest = API_VERSIONS.request.versions.max;
  let answer = await ask(channel, options, newest);
  if (answer.errorCode === ERROR_CODES.UNSUPPORTED_VERSION.code) {
    const theirs = answer.apiKeys.find(({ apiKey }) => apiKey === API_VERSIONS.key);
    answer = await ask(channel, options, Math.max(0, Math.min(newest, theirs?.maxVersion ?? 0)));
  }
  throwIfError(answer.errorCode);
  const features = answer.finalizedFeaturesEpoch < 0n ? [] : answer.finalizedFeatures;
  return new BrokerVersions(
    answer.apiKeys,
    new Map(features.map(({ name, maxVersionLevel }) => [name, maxVersionLevel])),
  );
}

function ask(
  channel: Channel,
  { clientId, setupTimeoutMs }: ConnectionOptions,
  version: number,
): Promise<ApiVersionsResponse> {
  const { request: schema, response } = API_VERSIONS;
  return channel.exchange({
    what: `ApiVersions v${version}`,
    timeoutMs: setupTimeoutMs,
    encode: (correlationId) =>
      encodeRequest({ schema, version, correlationId, clientId }, SOFTWARE),
    decode: (frame) => decodeResponse(response, isRefusal(frame) ? 0 : version, frame).body,
  });
}

/** Whether the first field behind the correlation id, the error code in every version, is UNSUPPORTED_VERSION. */
function isRefusal(frame: Uint8Array): boolean {
  return new Reader(frame, 4).int16() === ERROR_CODES.UNSUPPORTED_VERSION.code;
}

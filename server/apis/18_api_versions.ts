import { featureLevel, FEATURES } from "../../actors/controller/features.ts";
import { KafkaError } from "../../protocol/errors.ts";
import {
  apiVersionsRequest,
  apiVersionsResponse,
} from "../../protocol/messages/18_api_versions.ts";
import { type Api, defineApi } from "../api.ts";

/** KIP-511: what the name and version of a client's software must look like. */
const SOFTWARE = /^[a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?$/;
/** From this version on clients tell what they are. */
const SOFTWARE_VERSION = 3;
const VERSIONS = [0, 4] as const;
const KEY = 18;

/** From this version on clients can read of a supported feature with minimum 0 (KAFKA-17492). */
const MINIMUM_0_VERSION = 4;

/**
 * ApiVersions: which APIs, versions and features there are.
 * - v3: flexible; the client's software; features
 * - v4: supported features with minimum 0
 *
 * A request in any other version is answered in version 0, with UNSUPPORTED_VERSION and the versions of this API: every
 * client can read that, and asks again.
 *
 * @param served all APIs but this one
 */
export function apiVersions(served: readonly Api[]): Api {
  const self = { key: KEY, advertised: VERSIONS };
  const apiKeys = [...served, self].sort((a, b) => a.key - b.key)
    .map(({ key, advertised: [minVersion, maxVersion] }) => ({
      apiKey: key,
      minVersion,
      maxVersion,
    }));

  return defineApi({
    name: "ApiVersions",
    key: KEY,
    versions: VERSIONS,
    request: apiVersionsRequest,
    response: apiVersionsResponse,
    answerUnknownVersion: () => ({
      errorCode: new KafkaError("UNSUPPORTED_VERSION").code,
      apiKeys: apiKeys.filter(({ apiKey }) => apiKey === KEY),
    }),

    handle({ clientSoftwareName, clientSoftwareVersion }, { apiVersion, broker }) {
      if (apiVersion >= SOFTWARE_VERSION) {
        for (const text of [clientSoftwareName, clientSoftwareVersion]) {
          if (!SOFTWARE.test(text)) {
            throw new KafkaError("INVALID_REQUEST", `Not a name or version of software: ${text}`);
          }
        }
      }
      const image = broker.metadata();
      const levels = FEATURES.map(({ name }) => ({ name, level: featureLevel(name, image) }));
      return {
        errorCode: 0,
        apiKeys,
        supportedFeatures: FEATURES.filter(({ minVersion }) =>
          minVersion > 0 || apiVersion >= MINIMUM_0_VERSION
        ),
        finalizedFeatures: levels.filter(({ level }) => level > 0).map(({ name, level }) => ({
          name,
          minVersionLevel: level,
          maxVersionLevel: level,
        })),
        // Below 0 Java's producers would ignore the finalized features.
        finalizedFeaturesEpoch: BigInt(Math.max(0, image.version)),
      };
    },

    refuse: (_request, { code }) => ({ errorCode: code, apiKeys: [] }),
  });
}

import { KafkaError } from "../../protocol/errors.ts";
import { latestStableVersion } from "../../protocol/schema/mod.ts";
import type { Api } from "../apis.ts";

/** Versions of one API that a broker has. */
export interface ApiRange {
  readonly apiKey: number;
  readonly minVersion: number;
  readonly maxVersion: number;
}

/** What a broker said in its ApiVersions answer. */
export class BrokerVersions {
  readonly #ranges: ReadonlyMap<number, ApiRange>;
  /** Levels of the features that the whole cluster has turned on, e.g. `transaction.version`. */
  readonly features: ReadonlyMap<string, number>;

  constructor(ranges: readonly ApiRange[], features: ReadonlyMap<string, number> = new Map()) {
    this.#ranges = new Map(ranges.map((range) => [range.apiKey, range]));
    this.features = features;
  }

  /** Whether there is a version of an API that both sides have. */
  has(api: Api): boolean {
    return this.#newest(api, {}) !== null;
  }

  /**
   * The newest version of an API that both sides have, within what will do.
   *
   * @throws {KafkaError} UNSUPPORTED_VERSION when there is none
   */
  newest(api: Api, wanted: VersionsWanted = {}): number {
    const version = this.#newest(api, wanted);
    if (version !== null) return version;
    const range = this.#ranges.get(api.key);
    const theirs = range ? `${range.minVersion} to ${range.maxVersion}` : "none";
    const { min, max } = acceptable(api, wanted);
    throw new KafkaError(
      "UNSUPPORTED_VERSION",
      `The broker has no version of ${api.name} for this: it has ${theirs}, ${min} to ${max} would do`,
    );
  }

  #newest(api: Api, wanted: VersionsWanted): number | null {
    const range = this.#ranges.get(api.key);
    if (range === undefined) return null;
    const { min, max } = acceptable(api, wanted);
    const version = Math.min(range.maxVersion, max);
    return version >= Math.max(range.minVersion, min) ? version : null;
  }
}

/** Versions of an API that will do: those that carry what is to be said. */
export interface VersionsWanted {
  readonly versionMin?: number;
  readonly versionMax?: number;
}

function acceptable({ request }: Api, { versionMin = 0, versionMax = Infinity }: VersionsWanted) {
  return {
    min: Math.max(request.versions.min, versionMin),
    max: Math.min(latestStableVersion(request), versionMax),
  };
}

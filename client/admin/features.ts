import { API_VERSIONS, UPDATE_FEATURES } from "../apis.ts";
import type { Cluster } from "../cluster/cluster.ts";
import { SOFTWARE } from "../connection/negotiate.ts";
import { throwIfError } from "../errors.ts";

/** A feature of a cluster (KIP-584). */
export interface FeatureDescription {
  /** E.g. `transaction.version`. */
  readonly name: string;
  /** The level that the whole cluster has turned on; 0 = none. */
  readonly level: number;
  /** The levels that the broker that was asked supports; null = it does not say. */
  readonly supported: {
    /** The lowest. */
    readonly min: number;
    /** The highest. */
    readonly max: number;
  } | null;
}

/** Which level a feature is to have. */
export interface FeatureUpdate {
  /** E.g. `transaction.version`. */
  readonly name: string;
  /** The new one; 0 turns the feature off. */
  readonly level: number;
  /** How it may change. `unsafeDowngrade` may lose what is stored. Default `upgrade`. */
  readonly upgradeType?: "upgrade" | "safeDowngrade" | "unsafeDowngrade";
}

/** From this version on it is said how a level may change (KIP-778). */
const UPGRADE_TYPE_VERSION = 1;
const UPGRADE_TYPES = { upgrade: 1, safeDowngrade: 2, unsafeDowngrade: 3 } as const;

/** The features of a cluster, by name. */
export async function describeFeatures(cluster: Cluster): Promise<FeatureDescription[]> {
  return await cluster.retry("describe features", async () => {
    const answer = await cluster.requestAny(API_VERSIONS, SOFTWARE);
    throwIfError(answer.errorCode);
    const { supportedFeatures, finalizedFeatures } = answer;
    const names = new Set([...supportedFeatures, ...finalizedFeatures].map(({ name }) => name));
    return [...names].toSorted().map((name) => {
      const supported = supportedFeatures.find((feature) => feature.name === name);
      return {
        name,
        level: finalizedFeatures.find((feature) => feature.name === name)?.maxVersionLevel ?? 0,
        supported: supported ? { min: supported.minVersion, max: supported.maxVersion } : null,
      };
    });
  });
}

/** Changes levels of features, all or none. */
export async function updateFeatures(
  cluster: Cluster,
  updates: readonly FeatureUpdate[],
  validateOnly: boolean,
): Promise<void> {
  await cluster.retry("update features", async () => {
    const answer = await cluster.requestController(UPDATE_FEATURES, {
      timeoutMs: cluster.settings.requestTimeoutMs,
      featureUpdates: updates.map(({ name, level, upgradeType = "upgrade" }) => ({
        feature: name,
        maxVersionLevel: level,
        upgradeType: UPGRADE_TYPES[upgradeType],
      })),
      validateOnly,
    }, { versionMin: UPGRADE_TYPE_VERSION });
    throwIfError(answer.errorCode, answer.errorMessage);
    for (const { errorCode, errorMessage } of answer.results) throwIfError(errorCode, errorMessage);
  });
}

/**
 * The features of a cluster: what all of it can rely on, by levels that an operator raises and lowers (KIP-584).
 *
 * Kafka: `FeatureControlManager`, `QuorumFeatures`; the reasons are told in its words, because its tools show them.
 *
 * @module
 */
import { KafkaError } from "../../protocol/errors.ts";
import type { MetadataImage } from "./metadata_image.ts";

/** The feature that says which format the metadata have. */
export const METADATA_VERSION = "metadata.version";
/** The feature that says how producers use transactions: at 2 as KIP-890 has it, below as before. */
export const TRANSACTION_VERSION = "transaction.version";

/** A feature, and between which levels it can be. */
export interface Feature {
  readonly name: string;
  readonly minVersion: number;
  readonly maxVersion: number;
  /** The level in a cluster where nothing was decided. */
  readonly usual: number;
}

/**
 * What this broker has, and nothing that it does not have. `metadata.version` is told for tools, which read a Kafka release
 * from it: 7 is 3.3-IV3, 30 is 4.3-IV0. Metadata are stored in one way here, so it stays at 30.
 */
export const FEATURES: readonly Feature[] = [
  { name: METADATA_VERSION, minVersion: 7, maxVersion: 30, usual: 30 },
  { name: TRANSACTION_VERSION, minVersion: 0, maxVersion: 2, usual: 2 },
];

/** How a level may change; `either` is up or down. */
export type UpgradeType = "upgrade" | "safeDowngrade" | "unsafeDowngrade" | "either" | "unknown";

/** A level that somebody wants a feature to have. */
export interface FeatureUpdate {
  readonly feature: string;
  readonly level: number;
  readonly upgradeType: UpgradeType;
}

/** The level of a feature; 0 of one that is not there. */
export function featureLevel(
  feature: string,
  { featureLevels }: Pick<MetadataImage, "featureLevels">,
): number {
  return featureLevels.get(feature) ?? featureNamed(feature)?.usual ?? 0;
}

/**
 * Lets a change of a level pass, or not.
 *
 * @throws KafkaError INVALID_UPDATE_VERSION
 */
export function checkFeatureUpdate(
  { feature, level, upgradeType }: FeatureUpdate,
  { image, nodeId }: {
    readonly image: Pick<MetadataImage, "featureLevels">;
    readonly nodeId: number;
  },
): void {
  const refuse = (reason: string) => {
    throw new KafkaError(
      "INVALID_UPDATE_VERSION",
      `Invalid update version ${level} for feature ${feature}. ${reason}`,
    );
  };
  if (upgradeType === "unknown") {
    refuse("The controller does not support the given upgrade type.");
  }
  if (level < 0) refuse("A feature version cannot be less than 0.");
  const known = featureNamed(feature);
  if (!known) return refuse(`Local controller ${nodeId} does not support this feature.`);
  const { minVersion, maxVersion } = known;
  if (level < minVersion || level > maxVersion) {
    refuse(`Local controller ${nodeId} only supports versions ${minVersion}-${maxVersion}`);
  }
  const current = featureLevel(feature, image);
  if (level < current && upgradeType === "upgrade") {
    refuse(
      "Can't downgrade the version of this feature without setting the upgrade type to either " +
        "safe or unsafe downgrade.",
    );
  }
  if (level > current && upgradeType.endsWith("Downgrade")) {
    refuse("Can't downgrade to a newer version.");
  }
  if (feature !== METADATA_VERSION || level === current) return;
  throw new KafkaError(
    "INVALID_UPDATE_VERSION",
    `Unsupported metadata.version downgrade from ${current} to ${level}. ` +
      (upgradeType !== "unsafeDowngrade"
        ? "Refusing to perform the requested downgrade because it might delete metadata information."
        : "Unsafe metadata downgrade is not supported in this version."),
  );
}

function featureNamed(name: string): Feature | undefined {
  return FEATURES.find((feature) => feature.name === name);
}

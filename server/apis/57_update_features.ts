import type { FeatureUpdate, UpgradeType } from "../../actors/controller/features.ts";
import { KafkaError } from "../../protocol/errors.ts";
import {
  type UpdateFeaturesRequest,
  updateFeaturesRequest,
  updateFeaturesResponse,
} from "../../protocol/messages/57_update_features.ts";
import { defineApi } from "../api.ts";
import { authorize, CLUSTER } from "../security/authorizer.ts";

/** Below this version a client says only whether a feature may get a lower level. */
const UPGRADE_TYPE_VERSION = 1;

const UPGRADE_TYPES: Readonly<Record<number, UpgradeType>> = {
  1: "upgrade",
  2: "safeDowngrade",
  3: "unsafeDowngrade",
};

type Wanted = UpdateFeaturesRequest["featureUpdates"][number];

/**
 * UpdateFeatures: raises or lowers levels of the cluster's features, all or none (KIP-584).
 * - v1: how a level may change, instead of whether it may be lowered; validate only (KIP-778)
 * - v2: no answer of its own for each feature
 */
export const updateFeatures = defineApi({
  name: "UpdateFeatures",
  key: 57,
  versions: [0, 2],
  request: updateFeaturesRequest,
  response: updateFeaturesResponse,

  async handle({ featureUpdates, validateOnly }, context) {
    authorize(context, "Alter", "Cluster", CLUSTER);
    const { apiVersion, broker } = context;
    if (new Set(featureUpdates.map(({ feature }) => feature)).size < featureUpdates.length) {
      throw new KafkaError("INVALID_REQUEST", "A feature is named twice");
    }
    await broker.controller.ask("updateFeatures", {
      updates: featureUpdates.map((wanted) => updateOf(wanted, apiVersion)),
      validateOnly,
    });
    const results = featureUpdates.map(({ feature }) => ({
      feature,
      errorCode: 0,
      errorMessage: "NONE",
    }));
    return { throttleTimeMs: 0, errorCode: 0, errorMessage: null, results };
  },

  refuse: (_request, { kind, code, message }) => ({
    throttleTimeMs: 0,
    errorCode: code,
    errorMessage: kind === "INVALID_UPDATE_VERSION"
      ? `The update failed for all features since the following feature had an error: ${message}`
      : message,
  }),
});

function updateOf(
  { feature, maxVersionLevel, allowDowngrade, upgradeType }: Wanted,
  apiVersion: number,
): FeatureUpdate {
  const wanted = apiVersion < UPGRADE_TYPE_VERSION
    ? allowDowngrade ? "either" : "upgrade"
    : UPGRADE_TYPES[upgradeType] ?? "unknown";
  return { feature, level: maxVersionLevel, upgradeType: wanted };
}

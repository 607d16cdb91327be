import { DESCRIBE_CONFIGS, INCREMENTAL_ALTER_CONFIGS } from "../apis.ts";
import type { Cluster } from "../cluster/cluster.ts";
import { throwIfError } from "../errors.ts";
import {
  type ConfigChange,
  type ConfigEntry,
  type ConfigResource,
  operationCode,
  resourceCode,
  sourceName,
  typeName,
} from "./config.ts";

/** What is told of settings. */
export interface DescribeConfigsOptions {
  /** Only these; all if left out. */
  readonly names?: readonly string[];
  /** Whether with what the values would fall back to. Default false. */
  readonly includeSynonyms?: boolean;
  /** Whether with what the settings mean. Default false. */
  readonly includeDocumentation?: boolean;
}

/** Settings of a resource; see `Admin.describeConfigs`. */
export async function describeConfigs(
  cluster: Cluster,
  resource: ConfigResource,
  options: DescribeConfigsOptions,
): Promise<ConfigEntry[]> {
  const { type, name } = resource;
  const { names = null, includeSynonyms = false, includeDocumentation = false } = options;
  const draft = {
    resources: [{
      resourceType: resourceCode(type),
      resourceName: name,
      configurationKeys: names,
    }],
    includeSynonyms,
    includeDocumentation,
  };
  const { results } = await cluster.retry(`describe the settings of ${type} ${name}`, async () => {
    const owner = await ownerOf(cluster, resource);
    const answer = owner === null
      ? await cluster.requestAny(DESCRIBE_CONFIGS, draft)
      : await cluster.request(owner, DESCRIBE_CONFIGS, draft);
    for (const { errorCode, errorMessage } of answer.results) throwIfError(errorCode, errorMessage);
    return answer;
  });
  return results.flatMap(({ configs }) => configs).map((config) => ({
    name: config.name,
    value: config.value,
    source: sourceName(config.configSource),
    type: typeName(config.configType),
    isReadOnly: config.readOnly,
    isSensitive: config.isSensitive,
    synonyms: config.synonyms.map(({ name, value, source }) => ({
      name,
      value,
      source: sourceName(source),
    })),
    documentation: config.documentation,
  }));
}

/** Changes settings of a resource; see `Admin.alterConfigs`. */
export async function alterConfigs(
  cluster: Cluster,
  resource: ConfigResource,
  changes: readonly ConfigChange[],
  validateOnly: boolean,
): Promise<void> {
  const { type, name } = resource;
  const draft = {
    resources: [{
      resourceType: resourceCode(type),
      resourceName: name,
      configs: changes.map(({ name, operation, value }) => ({
        name,
        configOperation: operationCode(operation),
        value: value ?? null,
      })),
    }],
    validateOnly,
  };
  await cluster.retry(`change the settings of ${type} ${name}`, async () => {
    const owner = await ownerOf(cluster, resource);
    const { responses } = owner === null
      ? await cluster.requestController(INCREMENTAL_ALTER_CONFIGS, draft)
      : await cluster.request(owner, INCREMENTAL_ALTER_CONFIGS, draft);
    for (const { errorCode, errorMessage } of responses) throwIfError(errorCode, errorMessage);
  });
}

/** Node id of the broker whose settings they are: any other one would not know them. null = whichever. */
async function ownerOf(
  { metadata }: Cluster,
  { type, name }: ConfigResource,
): Promise<number | null> {
  if (name === "" || (type !== "broker" && type !== "brokerLogger")) return null;
  const nodeId = Number(name);
  if (!metadata.view.brokers.has(nodeId)) await metadata.refresh();
  return nodeId;
}

/**
 * The cluster's metadata as stored: topics, dynamic broker settings, the next producer id, levels of features.
 *
 * Every change is one atomic commit of a chain (see `storage/chain/`), and each commit raises the metadata version. A
 * partition without data has no key anywhere, so a topic of any size is one entry here.
 *
 * @module
 */
import type { Environment } from "../../environment/environment.ts";
import { InvariantError, KafkaError } from "../../protocol/errors.ts";
import { uuidFromBytes } from "../../protocol/uuid.ts";
import { CommitChain } from "../chain/commit_chain.ts";
import { key, keyParts, prefixRange } from "../kv/key.ts";
import type { Kv, KvCommit, KvEntry, KvLimits } from "../kv/kv.ts";
import { type CommitCost, commitCost } from "../kv/limits.ts";
import { listAll } from "../kv/list_all.ts";
import type { DeletedTopic, MetadataChange, StoredMetadata, StoredTopic } from "./metadata.ts";
import {
  type Cluster,
  decodeBrokerOverrides,
  decodeCluster,
  decodeDeletedTopic,
  decodeTopic,
  encodeBrokerOverrides,
  encodeCluster,
  encodeDeletedTopic,
  encodeTopic,
} from "./values.ts";

const HEAD = key("head");
const CLUSTER = key("cluster");
const TOPIC = "topic";
const DELETED = "deleted";
const BROKER = "broker";

/** The metadata of one cluster, and its single writer. */
export class MetadataStore {
  #cluster: Cluster;

  private constructor(
    private readonly kv: Kv,
    private readonly chain: CommitChain,
    /** What was stored when this writer took over. */
    readonly loaded: StoredMetadata,
  ) {
    this.#cluster = loaded;
  }

  /**
   * Takes the metadata over from whoever wrote it before, and reads it. New metadata gets `clusterId`, or a random one,
   * and `featureLevels`.
   *
   * @throws KafkaError INCONSISTENT_CLUSTER_ID when the stored metadata belongs to another cluster than `clusterId`
   * @throws FencedError when somebody else takes over at the same time
   */
  static async open(
    kv: Kv,
    environment: Environment,
    clusterId: string | null,
    featureLevels: ReadonlyMap<string, number> = new Map(),
  ): Promise<MetadataStore> {
    const chain = await CommitChain.takeOver({ name: "metadata", kv, headKey: HEAD, environment });
    const [cluster] = await kv.get([CLUSTER]);
    if (!cluster) {
      const id = clusterId ?? uuidFromBytes(environment.random.bytes(16));
      const fresh = { clusterId: id, nextProducerId: 0n, featureLevels };
      const store = new MetadataStore(kv, chain, emptyMetadata(fresh, chain.sequence));
      await store.#write({ sets: [{ key: CLUSTER, value: encodeCluster(fresh) }] });
      return store;
    }
    const stored = decodeCluster(cluster.value);
    if (clusterId !== null && clusterId !== stored.clusterId) {
      throw new KafkaError(
        "INCONSISTENT_CLUSTER_ID",
        `The data belongs to cluster ${stored.clusterId}, not to ${clusterId}`,
      );
    }
    return new MetadataStore(kv, chain, await load(kv, stored, chain.sequence));
  }

  /** The first producer id that was never given away. */
  get nextProducerId(): bigint {
    return this.#cluster.nextProducerId;
  }

  /** Why this writer will never write again, as another process has taken the metadata over; null while it has not. */
  get fenced(): Error | null {
    return this.chain.fenced;
  }

  /** Whether another process has taken the metadata over by now: asks the store. @throws when that cannot be read. */
  isTakenOver(): Promise<boolean> {
    return this.chain.isTakenOver();
  }

  /** How often the metadata was taken over before. */
  get epoch(): number {
    return this.chain.epoch;
  }

  /** The metadata version: the number of commits so far. */
  get version(): number {
    return this.chain.sequence;
  }

  /** Starts to count how many changes fit one commit. */
  room(): CommitRoom {
    return new CommitRoom(
      (change) => commitCost(this.#commitOf([change])),
      this.kv.limits,
    );
  }

  /**
   * Commits changes, all or none, durably.
   *
   * @returns the new metadata version
   * @throws KafkaError POLICY_VIOLATION when a value cannot be stored ({@linkcode CommitRoom.take} tells which),
   * KAFKA_STORAGE_ERROR when the store refuses (nothing has changed)
   * @throws FencedError when this writer was replaced
   */
  async commit(changes: readonly MetadataChange[]): Promise<number> {
    await this.#write(this.#commitOf(changes));
    this.#cluster = changes.reduce(changedCluster, this.#cluster);
    return this.chain.sequence;
  }

  /** Changes as a commit. A value that cannot be stored is refused for good: a crash would only be repeated. */
  #commitOf(changes: readonly MetadataChange[]): Omit<KvCommit, "checks"> {
    const commit = encoded(() => commitOf(changes, this.#cluster));
    const large = commit.sets.find(({ value }) => value.length > this.kv.limits.valueBytesMax);
    if (!large) return commit;
    throw new KafkaError(
      "POLICY_VIOLATION",
      `Settings of ${large.value.length} bytes are too large to be stored`,
    );
  }

  async #write(commit: Omit<KvCommit, "checks">): Promise<void> {
    const outcome = await this.chain.commit(commit);
    if (outcome.kind === "refused") {
      throw new KafkaError(
        "KAFKA_STORAGE_ERROR",
        `Cannot store metadata: ${outcome.error.message}`,
        {
          cause: outcome.error,
        },
      );
    }
  }
}

/** Counts changes until a commit is full. */
export class CommitRoom {
  #bytes = HEAD_BYTES_MAX;
  #keyBytes = HEAD_BYTES_MAX;
  #mutations = 1;

  constructor(
    private readonly costOf: (change: MetadataChange) => CommitCost,
    private readonly limits: KvLimits,
  ) {}

  /**
   * Counts `change` in and says true, or says false when it does not fit any more.
   *
   * @throws KafkaError POLICY_VIOLATION when it can never be stored
   */
  take(change: MetadataChange): boolean {
    const { bytes, keyBytes, mutations } = this.costOf(change);
    const { commitBytesMax, commitKeyBytesMax, commitMutationsMax } = this.limits;
    const fits = this.#bytes + bytes <= commitBytesMax &&
      this.#keyBytes + keyBytes <= commitKeyBytesMax &&
      this.#mutations + mutations <= commitMutationsMax;
    if (fits) {
      this.#bytes += bytes;
      this.#keyBytes += keyBytes;
      this.#mutations += mutations;
    }
    return fits;
  }
}

/** What HEAD costs at most beside the changes of a commit. */
const HEAD_BYTES_MAX = 4096;

/** What `encode` gives; a value that its type cannot hold is refused. */
function encoded<T>(encode: () => T): T {
  try {
    return encode();
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new KafkaError("POLICY_VIOLATION", error.message, { cause: error });
  }
}

function commitOf(changes: readonly MetadataChange[], before: Cluster) {
  const sets: { key: Uint8Array; value: Uint8Array }[] = [];
  const deletes: Uint8Array[] = [];
  for (const change of changes) {
    switch (change.kind) {
      case "topic":
        sets.push({ key: key(TOPIC, change.topic.id), value: encodeTopic(change.topic) });
        break;
      case "topicDeleted":
        deletes.push(key(TOPIC, change.id));
        sets.push({ key: key(DELETED, change.id), value: encodeDeletedTopic(change) });
        break;
      case "topicSwept":
        deletes.push(key(DELETED, change.id));
        break;
      case "brokerOverrides":
        sets.push({
          key: key(BROKER, change.broker),
          value: encodeBrokerOverrides(change.overrides),
        });
        break;
      case "producerIds":
      case "featureLevel":
        break;
    }
  }
  const cluster = changes.reduce(changedCluster, before);
  if (cluster !== before) sets.push({ key: CLUSTER, value: encodeCluster(cluster) });
  return { sets, deletes };
}

/** What is stored of the whole cluster, after a change. */
function changedCluster(cluster: Cluster, change: MetadataChange): Cluster {
  switch (change.kind) {
    case "producerIds":
      return { ...cluster, nextProducerId: change.next };
    case "featureLevel": {
      const featureLevels = new Map(cluster.featureLevels).set(change.feature, change.level);
      return { ...cluster, featureLevels };
    }
    default:
      return cluster;
  }
}

function emptyMetadata(cluster: Cluster, version: number): StoredMetadata {
  return { ...cluster, version, topics: [], deletedTopics: [], brokerOverrides: new Map() };
}

async function load(kv: Kv, cluster: Cluster, version: number): Promise<StoredMetadata> {
  const topics: StoredTopic[] = [];
  for await (const entry of listAll(kv, prefixRange(TOPIC))) {
    topics.push(decodeTopic(idOf(entry), entry.value));
  }
  const deletedTopics: DeletedTopic[] = [];
  for await (const entry of listAll(kv, prefixRange(DELETED))) {
    deletedTopics.push(decodeDeletedTopic(idOf(entry), entry.value));
  }
  const brokerOverrides = new Map<string, ReadonlyMap<string, string>>();
  for await (const entry of listAll(kv, prefixRange(BROKER))) {
    brokerOverrides.set(idOf(entry), decodeBrokerOverrides(entry.value));
  }
  return { ...cluster, version, topics, deletedTopics, brokerOverrides };
}

function idOf(entry: KvEntry): string {
  const id = keyParts(entry.key)[1];
  if (typeof id !== "string") {
    throw new InvariantError(`Metadata key without an id: ${keyParts(entry.key)}`);
  }
  return id;
}

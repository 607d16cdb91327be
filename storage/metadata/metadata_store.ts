/**
 * The cluster's metadata as stored: topics, dynamic broker settings, the next producer id.
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
  #nextProducerId: bigint;

  private constructor(
    private readonly kv: Kv,
    private readonly chain: CommitChain,
    /** What was stored when this writer took over. */
    readonly loaded: StoredMetadata,
  ) {
    this.#nextProducerId = loaded.nextProducerId;
  }

  /**
   * Takes the metadata over from whoever wrote it before, and reads it. New metadata gets `clusterId`, or a random one.
   *
   * @throws KafkaError INCONSISTENT_CLUSTER_ID when the stored metadata belongs to another cluster than `clusterId`
   * @throws FencedError when somebody else takes over at the same time
   */
  static async open(
    kv: Kv,
    environment: Environment,
    clusterId: string | null,
  ): Promise<MetadataStore> {
    const chain = await CommitChain.takeOver({ name: "metadata", kv, headKey: HEAD, environment });
    const [cluster] = await kv.get([CLUSTER]);
    if (!cluster) {
      const id = clusterId ?? uuidFromBytes(environment.random.bytes(16));
      const store = new MetadataStore(kv, chain, emptyMetadata(id, chain.sequence));
      await store.#write({
        sets: [{ key: CLUSTER, value: encodeCluster({ clusterId: id, nextProducerId: 0n }) }],
      });
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
    return this.#nextProducerId;
  }

  /** The metadata version: the number of commits so far. */
  get version(): number {
    return this.chain.sequence;
  }

  /** Starts to count how many changes fit one commit. */
  room(): CommitRoom {
    return new CommitRoom(
      (change) => commitCost(commitOf([change], this.loaded.clusterId)),
      this.kv.limits,
    );
  }

  /**
   * Commits changes, all or none, durably.
   *
   * @returns the new metadata version
   * @throws KafkaError POLICY_VIOLATION when a value is too large to be stored, KAFKA_STORAGE_ERROR when the store
   * refuses (nothing has changed)
   * @throws FencedError when this writer was replaced
   */
  async commit(changes: readonly MetadataChange[]): Promise<number> {
    const commit = commitOf(changes, this.loaded.clusterId);
    const large = commit.sets.find(({ value }) => value.length > this.kv.limits.valueBytesMax);
    if (large) {
      throw new KafkaError(
        "POLICY_VIOLATION",
        `Settings of ${large.value.length} bytes are too large to be stored`,
      );
    }
    await this.#write(commit);
    for (const change of changes) {
      if (change.kind === "producerIds") this.#nextProducerId = change.next;
    }
    return this.chain.sequence;
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

  /** Counts `change` in and says true, or says false when it does not fit any more. */
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

function commitOf(changes: readonly MetadataChange[], clusterId: string) {
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
        sets.push({
          key: CLUSTER,
          value: encodeCluster({ clusterId, nextProducerId: change.next }),
        });
        break;
    }
  }
  return { sets, deletes };
}

function emptyMetadata(clusterId: string, version: number): StoredMetadata {
  return {
    version,
    clusterId,
    topics: [],
    deletedTopics: [],
    brokerOverrides: new Map(),
    nextProducerId: 0n,
  };
}

async function load(
  kv: Kv,
  { clusterId, nextProducerId }: { readonly clusterId: string; readonly nextProducerId: bigint },
  version: number,
): Promise<StoredMetadata> {
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
  return { version, clusterId, topics, deletedTopics, brokerOverrides, nextProducerId };
}

function idOf(entry: KvEntry): string {
  const id = keyParts(entry.key)[1];
  if (typeof id !== "string") {
    throw new InvariantError(`Metadata key without an id: ${keyParts(entry.key)}`);
  }
  return id;
}

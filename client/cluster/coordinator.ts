import { KafkaError } from "../../protocol/errors.ts";
import type { Infer, Schema } from "../../protocol/schema/mod.ts";
import { type Api, FIND_COORDINATOR } from "../apis.ts";
import type { BrokerVersions } from "../connection/broker_versions.ts";
import type { Question, RequestOptions } from "../connection/connection.ts";
import { disconnected, errorFrom } from "../errors.ts";
import type { Cluster, Purpose } from "./cluster.ts";

/** What is coordinated. */
export type CoordinatorKind = "group" | "transaction";

/** The first version that asks for several keys at once (KIP-699). */
const BATCHED_VERSION = 4;
const KEY_TYPES: Readonly<Record<CoordinatorKind, number>> = { group: 0, transaction: 1 };
/** The first version that knows of transactions. */
const KEY_TYPE_VERSION = 1;

/** How a request to a coordinator is sent. */
export interface CoordinatorRequestOptions extends RequestOptions {
  /** Joins and heartbeats have a connection of their own: a join that is held for minutes must not hold up a commit. */
  readonly purpose?: Purpose;
}

/**
 * The broker that a group or a transactional id lives on: found when needed, and again when it says that it is not, or is
 * gone.
 */
export class Coordinator {
  readonly #cluster: Cluster;
  readonly #kind: CoordinatorKind;
  readonly #key: string;
  #nodeId: number | null = null;
  #finding: Promise<number> | null = null;
  #versions: BrokerVersions | null = null;

  /** `key`: the group's or the transactional id. */
  constructor(cluster: Cluster, kind: CoordinatorKind, key: string) {
    this.#cluster = cluster;
    this.#kind = kind;
    this.#key = key;
  }

  /** What the broker that was asked last can do; null before the first request. */
  get versions(): BrokerVersions | null {
    return this.#versions;
  }

  /** The broker that it was found on; null = it is not known. */
  get nodeId(): number | null {
    return this.#nodeId;
  }

  /** Forgets where it lives. */
  forget(): void {
    this.#nodeId = null;
  }

  /**
   * Sends a request to the coordinator. Error codes inside the answer go through {@linkcode check}.
   *
   * @throws {KafkaError} when it cannot be found or reached, and as `Connection.request`
   */
  async request<Q extends Schema, S extends Schema>(
    api: Api<Q, S>,
    question: Question<Q>,
    { purpose = "main", ...options }: CoordinatorRequestOptions = {},
  ): Promise<Infer<S>> {
    const nodeId = this.#nodeId ?? await this.#find();
    try {
      const link = this.#cluster.link(nodeId, purpose);
      if (link === null) throw disconnected(`No broker ${nodeId} is known`);
      const connection = await link.connect();
      this.#versions = connection.versions;
      return await connection.request(api, question, options);
    } catch (error) {
      if (isOutOfReach(error) && this.#nodeId === nodeId) this.forget();
      throw error;
    }
  }

  /** Throws what a code in the coordinator's answer stands for; forgets the coordinator if it says that it is none. */
  check(code: number): void {
    const error = errorFrom(code);
    if (error === null) return;
    if (error.kind === "NOT_COORDINATOR" || error.kind === "COORDINATOR_NOT_AVAILABLE") {
      this.forget();
    }
    throw error;
  }

  #find(): Promise<number> {
    return this.#finding ??= this.#ask().finally(() => this.#finding = null);
  }

  async #ask(): Promise<number> {
    const key = this.#key;
    const keyType = KEY_TYPES[this.#kind];
    const answer = await this.#cluster.requestAny(
      FIND_COORDINATOR,
      (version) =>
        version >= BATCHED_VERSION ? { keyType, coordinatorKeys: [key] } : { key, keyType },
      { versionMin: this.#kind === "group" ? 0 : KEY_TYPE_VERSION },
    );
    const found = answer.coordinators.find((coordinator) => coordinator.key === key) ?? answer;
    const error = errorFrom(found.errorCode, found.errorMessage);
    if (error !== null) throw error;
    if (this.#cluster.link(found.nodeId) === null) {
      await this.#cluster.metadata.refresh();
      if (this.#cluster.link(found.nodeId) === null) {
        throw new KafkaError("COORDINATOR_NOT_AVAILABLE", `No broker ${found.nodeId} is known`);
      }
    }
    return this.#nodeId = found.nodeId;
  }
}

function isOutOfReach(error: unknown): boolean {
  return error instanceof KafkaError &&
    (error.kind === "NETWORK_EXCEPTION" || error.kind === "REQUEST_TIMED_OUT");
}

import { KafkaError } from "../../protocol/errors.ts";
import type { Infer, Schema } from "../../protocol/schema/mod.ts";
import type { Api } from "../apis.ts";
import type { Cluster, Purpose } from "../cluster/cluster.ts";
import type { Question, RequestOptions } from "../connection/connection.ts";
import { disconnected, errorFrom } from "../errors.ts";
import { FIND_COORDINATOR } from "./apis.ts";

/** The first version that asks for several keys at once (KIP-699). */
const BATCHED_VERSION = 4;
const GROUP_KEY = 0;

/** How a request to a coordinator is sent. */
export interface CoordinatorRequestOptions extends RequestOptions {
  /** Joins and heartbeats have a connection of their own: a join that is held for minutes must not hold up a commit. */
  readonly purpose?: Purpose;
}

/** The broker that a group lives on: found when needed, and again when it says that it is not, or is gone. */
export class Coordinator {
  readonly #cluster: Cluster;
  readonly #groupId: string;
  #nodeId: number | null = null;
  #finding: Promise<number> | null = null;

  constructor(cluster: Cluster, groupId: string) {
    this.#cluster = cluster;
    this.#groupId = groupId;
  }

  /** Forgets where the group lives. */
  forget(): void {
    this.#nodeId = null;
  }

  /**
   * Sends a request to the group's coordinator. Error codes inside the answer go through {@linkcode check}.
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
      return await (await link.connect()).request(api, question, options);
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
    const key = this.#groupId;
    const answer = await this.#cluster.requestAny(
      FIND_COORDINATOR,
      (version) =>
        version >= BATCHED_VERSION
          ? { keyType: GROUP_KEY, coordinatorKeys: [key] }
          : { key, keyType: GROUP_KEY },
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

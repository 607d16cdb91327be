/** What a worker is to do. */
export interface WorkerTask {
  /** `host:port` */
  readonly bootstrap: string;
  readonly group: string;
  /** Its own, the same after each restart. */
  readonly transactionalId: string;
  readonly input: string;
  readonly output: string;
}

/** Name of the header that a worker gives to records of transactions that it means to abort. */
export const ABORTED = "aborted";

// Real time: a real process writes real files, and is stopped.
/**
 * Takes the power from a real log on real files: what was synced is kept, what was not is cut off or dropped page by page.
 *
 * A process writes; it is stopped (SIGSTOP) at two moments, and its files are copied. Everything that it had acknowledged at
 * the first was synced before: it lies in the database file, or in the valid frames of the write-ahead log. Frames that a
 * checkpoint has begun to move by the second moment were synced, too. What the second copy of the write-ahead log has
 * beyond that may have reached the disk or not, wholly or in part, in any order. So is each block of the database file
 * that a checkpoint wrote meanwhile, and its length: its frames are still in the write-ahead log.
 *
 * Where the write-ahead log was begun anew meanwhile, all of the earlier one was moved to the database file and synced: then
 * the database file is that of the second moment, and what is lost are frames of the new log.
 *
 * @module
 */
import { recordsIn } from "../../protocol/records/records.ts";
import { batchesIn } from "../../protocol/records/batches.ts";
import { denoEnvironment } from "../../environment/deno/deno_environment.ts";
import { openDenoFolder } from "../../storage/kv/deno/deno_folder.ts";
import type { Kv } from "../../storage/kv/kv.ts";
import { checkStores } from "../../storage/log/check/check_folder.ts";
import { isSound } from "../../storage/log/check/report.ts";
import { openLogStore } from "../../storage/log/log_store.ts";
import type { PartitionLog } from "../../storage/log/partition_log.ts";
import {
  hasRetention,
  isRecord,
  LOG_OPTIONS,
  partitionIdOf,
  PARTITIONS,
} from "./power_loss_log.ts";
import { readWal, syncedBytes } from "./wal.ts";

/** What a run is made of. */
export interface PowerLossPlan {
  readonly points: number;
  /** Points made of one pair of moments. */
  readonly pointsPerMoment: number;
  /** Moments in the life of one writer: its files grow. */
  readonly momentsPerLife: number;
}

/** What was found; `faults` has to be empty. */
export interface PowerLossReport {
  readonly points: number;
  /** Acknowledged records looked for, all points together. */
  readonly acknowledged: number;
  /** Bytes of write-ahead logs that were lost, all points together. */
  readonly lostBytes: number;
  /** How often each kind of loss happened to a store. */
  readonly kinds: ReadonlyMap<string, number>;
  readonly faults: readonly string[];
}

/** The files of the log at one moment, by name. */
type Files = ReadonlyMap<string, Uint8Array>;

const BLOCK_BYTES = 4_096;
const STORES = ["log-0", "log-1"];
const FILES = [".kv", ".kv-wal", ".kv-shm"];

/** Takes the power as often as the plan says. `onMoment` is told the number of points so far. */
export async function losePower(
  plan: PowerLossPlan,
  onMoment: (points: number) => void = () => {},
): Promise<PowerLossReport> {
  const kinds = new Map<string, number>();
  const report = { points: 0, acknowledged: 0, lostBytes: 0, kinds, faults: [] as string[] };
  while (report.points < plan.points) {
    await using writer = await Writer.start();
    for (let moment = 0; moment < plan.momentsPerLife && report.points < plan.points; moment++) {
      await realTime(20 + Math.random() * 200);
      const { files: before, acknowledged } = await writer.copy();
      writer.goOn();
      await realTime(Math.random() * 30);
      // It stands still while its files are looked at: they would grow meanwhile, and be copied the next time.
      const { files: after } = await writer.copy();
      for (let n = 0; n < plan.pointsPerMoment && report.points < plan.points; n++) {
        const left = afterLoss(before, after);
        report.points++;
        report.lostBytes += left.lostBytes;
        for (const kind of left.how) kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
        report.acknowledged += acknowledged.reduce((sum, count) => sum + count, 0);
        const fault = await faultIn(left.files, acknowledged);
        if (fault !== null) {
          report.faults.push(`Point ${report.points} (${left.how.join(", ")}): ${fault}`);
        }
      }
      writer.goOn();
      onMoment(report.points);
    }
  }
  return report;
}

/** The process under test has real files: nothing but real time passes for it. */
function realTime(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** A process that writes. */
class Writer implements AsyncDisposable {
  /** How many records each partition has for sure: acknowledgements come in order. */
  readonly #acknowledged = new Array<number>(PARTITIONS).fill(0);
  readonly #reading: Promise<void>;

  private constructor(
    private readonly path: string,
    private readonly child: Deno.ChildProcess,
  ) {
    this.#reading = this.#read();
  }

  static async start(): Promise<Writer> {
    const path = await Deno.makeTempDir({ prefix: "odradek-power-" });
    const script = new URL("./power_loss_writer.ts", import.meta.url).pathname;
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-check", "--allow-read", "--allow-write", script, path],
      stdin: "null",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    const writer = new Writer(path, child);
    while (writer.#acknowledged.some((count) => count === 0)) await realTime(10);
    return writer;
  }

  /** The files at one moment, and what was acknowledged before it. The writer stands still from then on. */
  async copy(): Promise<{ readonly files: Files; readonly acknowledged: readonly number[] }> {
    const acknowledged = [...this.#acknowledged];
    this.child.kill("SIGSTOP");
    await this.#isStopped();
    const files = new Map<string, Uint8Array>();
    for (const name of STORES.flatMap((store) => FILES.map((suffix) => `${store}${suffix}`))) {
      files.set(name, await Deno.readFile(`${this.path}/${name}`));
    }
    return { files, acknowledged };
  }

  goOn(): void {
    this.child.kill("SIGCONT");
  }

  /** A signal takes its time: the process stands still when all of its threads are in state T. */
  async #isStopped(): Promise<void> {
    const ps = new Deno.Command("ps", { args: ["-L", "-o", "stat=", "-p", `${this.child.pid}`] });
    for (;;) {
      const { stdout } = await ps.output();
      const states = new TextDecoder().decode(stdout).trim().split(/\s+/);
      if (states.every((state) => state.startsWith("T"))) return;
      await realTime(1);
    }
  }

  async #read(): Promise<void> {
    let text = "";
    for await (const part of this.child.stdout.pipeThrough(new TextDecoderStream())) {
      text += part;
      const lines = text.split("\n");
      text = lines.pop()!;
      for (const line of lines) {
        const [partition, offset] = line.split(" ").map(Number);
        this.#acknowledged[partition] = offset + 1;
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.child.kill("SIGKILL");
    await this.#reading;
    await this.child.status;
    await Deno.remove(this.path, { recursive: true });
  }
}

/** What a disk may hold after the power went at some time between two moments. */
function afterLoss(before: Files, after: Files) {
  const files = new Map<string, Uint8Array>();
  const how: string[] = [];
  let lostBytes = 0;
  for (const store of STORES) {
    const [database, log] = [`${store}.kv`, `${store}.kv-wal`];
    const [first, second] = [before.get(log)!, after.get(log)!];
    const [wal, then] = [readWal(first), readWal(second)];
    const goesOn = then.salt === wal.salt;
    const moved = syncedBytes(then, after.get(`${store}.kv-shm`)!);
    const synced = goesOn ? Math.max(wal.committedBytes, moved) : moved;
    const writtenBytes = Math.max(0, then.committedBytes - synced);
    const kinds = goesOn ? ["the log"] : ["the log, begun anew"];
    if (Math.random() < 0.5) {
      // Mostly among what was written meanwhile; behind it lies what an earlier round of the file has left.
      const span = Math.random() < 0.8 ? writtenBytes : second.length - synced;
      const cut = synced + Math.floor(Math.random() * span);
      files.set(log, second.slice(0, cut));
      lostBytes += Math.max(0, synced + writtenBytes - cut);
      kinds.push("cut");
    } else {
      files.set(log, withBlocksLost(first, second, synced));
      lostBytes += writtenBytes / 2;
      kinds.push("blocks lost");
    }
    const [old, grown] = [before.get(database)!, after.get(database)!];
    const isWhole = !goesOn || Math.random() < 0.3;
    const kept = isWhole ? grown : withBlocksLost(old, grown, 0);
    if (!isWhole) kinds.push("blocks of the file lost");
    if (!isWhole && grown.length > old.length && Math.random() < 0.5) {
      files.set(database, kept.slice(0, old.length + Math.random() * (grown.length - old.length)));
      kinds.push("the file cut");
    } else files.set(database, kept);
    how.push(kinds.join(", "));
  }
  return { files, how, lostBytes };
}

/** Each block behind `kept` as it is now, or as it was; what was not there is zeros. */
function withBlocksLost(before: Uint8Array, after: Uint8Array, kept: number): Uint8Array {
  const bytes = new Uint8Array(after.length);
  bytes.set(after);
  const first = Math.floor(kept / BLOCK_BYTES) * BLOCK_BYTES;
  for (let start = first; start < after.length; start += BLOCK_BYTES) {
    if (Math.random() < 0.5) continue;
    const from = Math.max(start, kept);
    const old = before.subarray(from, start + BLOCK_BYTES);
    bytes.fill(0, from, Math.min(bytes.length, start + BLOCK_BYTES));
    bytes.set(old.subarray(0, bytes.length - from), from);
  }
  return bytes;
}

/** What is wrong with the log in these files; null when nothing is. */
async function faultIn(files: Files, acknowledged: readonly number[]): Promise<string | null> {
  const path = await Deno.makeTempDir({ prefix: "odradek-power-" });
  try {
    for (const [name, bytes] of files) await Deno.writeFile(`${path}/${name}`, bytes);
    return await openingFault(path, acknowledged);
  } catch (error) {
    return error instanceof Error ? error.stack ?? error.message : String(error);
  } finally {
    await Deno.remove(path, { recursive: true });
  }
}

async function openingFault(path: string, acknowledged: readonly number[]): Promise<string | null> {
  const told: string[] = [];
  const environment = denoEnvironment({
    log: { write: (level, message) => void (level === "error" && told.push(message)) },
  });
  await using opened = new AsyncDisposableStack();
  const folder = opened.adopt(await openDenoFolder(path), (folder) => folder.close());
  const store = opened.adopt(
    await openLogStore({ folder, environment, options: LOG_OPTIONS }),
    (store) => store.close(),
  );
  for (const [partition, count] of acknowledged.entries()) {
    const log = await store.open(partitionIdOf(partition));
    if (log.highWatermark < count) {
      return `partition ${partition} ends at ${log.highWatermark}, ${count} were acknowledged`;
    }
    if (log.logStartOffset > 0 && !hasRetention(partition)) {
      return `partition ${partition} begins at ${log.logStartOffset}`;
    }
    const wrong = await wrongRecord(log);
    if (wrong !== null) return `partition ${partition}: offset ${wrong} is not what was written`;
  }
  if (told.length > 0) return told.join("; ");
  await store.close();
  await folder.close();
  return await checkFault(path);
}

async function wrongRecord(log: PartitionLog): Promise<number | null> {
  const decoder = new TextDecoder();
  let offset = log.logStartOffset;
  while (offset < log.highWatermark) {
    const beforeOffset = log.highWatermark;
    const read = await log.read({ offset, beforeOffset, maxBytes: 4e6, minOneBatch: true });
    for (const { bytes } of batchesIn(read.slices, "refuse")) {
      for (const record of recordsIn(bytes)) {
        const isRight = record.offset === offset &&
          isRecord(decoder.decode(record.value!), log.id.partition, offset);
        if (!isRight) return offset;
        offset++;
      }
    }
  }
  return null;
}

async function checkFault(path: string): Promise<string | null> {
  await using opened = new AsyncDisposableStack();
  const folder = opened.adopt(await openDenoFolder(path), (folder) => folder.close());
  const stores = new Map<string, Kv>();
  for (const name of STORES) {
    stores.set(name, opened.adopt(await folder.open(name), (kv) => kv.close()));
  }
  const { report } = await checkStores(stores);
  return isSound(report) ? null : `the check found ${JSON.stringify(report.damage)}`;
}

import type { MemoryDisk } from "../../../storage/kv/memory/memory_folder.ts";
import { auditStores } from "../../../testing/mod.ts";

/** What is left over in a log, or missing. Opens the folder, so ends whoever has it open. */
export async function orphansOf(disk: MemoryDisk, files: number): Promise<string[]> {
  const folder = disk.openFolder();
  const logs = await Promise.all(
    Array.from({ length: files }, (_, at) => folder.open(`log-${at}`)),
  );
  return (await auditStores({ logs })).map(({ kind, text }) => `${kind}: ${text}`);
}

/**
 * Files of a data folder that must be there and are not, and files that were begun anew in their place.
 *
 * @module
 */
import { FORMAT_KEY, headKey } from "../keys.ts";
import { decodeFormat, type LogShape } from "../format_record.ts";
import type { CheckedStores } from "./check_folder.ts";
import { keyName } from "./key_name.ts";
import type { DamagedValue } from "./report.ts";

const GONE = "is missing, and what it held is lost (the next start of the broker begins it anew)";

/**
 * What a log cannot be without. A start takes the log over, file by file, before the first topic can be made: so where there
 * are `topics`, every shard has a head.
 */
export async function missingFiles(
  stores: CheckedStores,
  topics: number,
): Promise<DamagedValue[]> {
  const first = stores.get("log-0");
  if (!first) return topics === 0 ? [] : [missing("log-0", FORMAT_KEY, `The file ${GONE}`)];
  const [format] = await first.get([FORMAT_KEY]);
  if (format === null) {
    return [missing("log-0", FORMAT_KEY, "The format record of the log is missing")];
  }
  const shape = shapeOf(format.value);
  if (!shape || topics === 0) return [];
  const found: DamagedValue[] = [];
  for (let shard = 0; shard < shape.shards; shard++) {
    const name = `log-${shard % shape.files}`;
    const store = stores.get(name);
    const key = headKey(shard);
    if (!store) found.push(missing(name, key, `The file of shard ${shard} ${GONE}`));
    else if ((await store.get([key]))[0] === null) {
      found.push(missing(name, key, `Shard ${shard} ${GONE}`));
    }
  }
  return found;
}

/** Null when the record is damaged, which is told elsewhere. */
function shapeOf(value: Uint8Array): LogShape | null {
  try {
    return decodeFormat(value, "");
  } catch {
    return null;
  }
}

function missing(store: string, key: Uint8Array, what: string): DamagedValue {
  return { store, key, name: keyName(key), what };
}

// Real time: a turn of the event loop, so that real stores get on.
/**
 * What every {@linkcode Kv} adapter must do, as tests over a folder of it.
 *
 * @module
 */
import { assert, assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import type { Kv, KvCommit, KvFolder, KvOutcome } from "../../storage/kv/kv.ts";
import { key, prefixRange } from "../../storage/kv/key.ts";
import { commitCost, keyBytes } from "../../storage/kv/limits.ts";

/** How the suite gets at the adapter under test. */
export interface KvSubject {
  /** Before the names of the tests. */
  readonly name: string;
  /** A place that nobody used before; `reopen` gives the same place after its folder was closed. */
  place(): Promise<
    { open(): Promise<KvFolder>; remove(): Promise<void> }
  >;
}

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);
const valueOf = (size: number, fill = 7): Uint8Array => new Uint8Array(size).fill(fill);

/** Registers the contract's tests for one adapter. */
export function testKvContract(subject: KvSubject): void {
  const test = (sentence: string, body: (kv: Kv) => Promise<void>): void =>
    Deno.test(`${subject.name} ${sentence}`, async () => {
      const place = await subject.place();
      try {
        const folder = await place.open();
        const kv = await folder.open("store");
        await body(kv);
        await kv.close();
        await folder.close();
      } finally {
        await place.remove();
      }
    });

  reads(test);
  commits(test);
  limits(test);
  lives(subject);
}

type Test = (sentence: string, body: (kv: Kv) => Promise<void>) => void;

function reads(test: Test): void {
  test("answers null for absent keys and entries in the order asked", async (kv) => {
    await committed(kv, { sets: [entry(bytes(1), 10), entry(bytes(2), 20)] });
    const found = await kv.get([bytes(2), bytes(9), bytes(1)]);
    assertEquals(found.map((each) => each?.value[0] ?? null), [20, null, 10]);
    assertEquals(found[0]!.key, bytes(2));
  });

  test("lists a range in byte order, its end left out", async (kv) => {
    const keys = [[0], [0, 0], [0, 1], [1], [1, 255], [2], [128], [255], [255, 0]];
    await committed(kv, { sets: keys.toReversed().map((each) => entry(bytes(...each), 1)) });
    const all = await kv.list({ start: bytes(0), end: bytes(255, 255) }, { limit: 100 });
    assertEquals(all.map((each) => [...each.key]), keys);
    const some = await kv.list({ start: bytes(0, 0), end: bytes(2) }, { limit: 100 });
    assertEquals(some.map((each) => [...each.key]), [[0, 0], [0, 1], [1], [1, 255]]);
    assertEquals(await kv.list({ start: bytes(3), end: bytes(3) }, { limit: 1 }), []);
  });

  test("refuses to list a range that ends before it starts", async (kv) => {
    await assertRejects(
      () => kv.list({ start: bytes(3), end: bytes(2) }, { limit: 1 }),
      RangeError,
    );
  });

  test("lists at most the limit, from either end", async (kv) => {
    await committed(kv, { sets: Array.from({ length: 9 }, (_, at) => entry(key("l", at), at)) });
    const range = prefixRange("l");
    const first = await kv.list(range, { limit: 3 });
    assertEquals(first.map((each) => each.value[0]), [0, 1, 2]);
    const last = await kv.list(range, { limit: 3, reverse: true });
    assertEquals(last.map((each) => each.value[0]), [8, 7, 6]);
  });

  test("lists as many entries as its limits say in one call", async (kv) => {
    const size = kv.limits.listEntriesMax;
    for (let start = 0; start < size; start += 500) {
      const sets = Array.from({ length: 500 }, (_, at) => entry(key(start + at), at % 256));
      await committed(kv, { sets });
    }
    assertEquals((await kv.list(prefixRange(), { limit: size })).length, size);
  });

  test("keeps empty values and every byte of a value", async (kv) => {
    const every = Uint8Array.from({ length: 256 }, (_, at) => at);
    await committed(kv, {
      sets: [{ key: bytes(1), value: bytes() }, { key: bytes(2), value: every }],
    });
    const [empty, full] = await kv.get([bytes(1), bytes(2)]);
    assertEquals(empty!.value.length, 0);
    assertEquals([...full!.value], [...every]);
  });
}

function commits(test: Test): void {
  test("changes the version of a key with each write, and tells it", async (kv) => {
    const first = await committed(kv, { sets: [entry(bytes(1), 1), entry(bytes(2), 1)] });
    const second = await committed(kv, { sets: [entry(bytes(1), 1)] });
    assertNotEquals(first, second);
    const [one, two] = await kv.get([bytes(1), bytes(2)]);
    assertEquals([one!.version, two!.version], [second, first]);
  });

  test("answers conflict and changes nothing when one check of several fails", async (kv) => {
    const version = await committed(kv, { sets: [entry(bytes(1), 1)] });
    await committed(kv, { sets: [entry(bytes(2), 1)] });
    const outcome = await kv.commit({
      checks: [{ key: bytes(1), version }, { key: bytes(2), version: null }],
      sets: [entry(bytes(3), 3)],
      deletes: [bytes(1)],
    });
    assertEquals(outcome, { kind: "conflict" });
    const [one, three] = await kv.get([bytes(1), bytes(3)]);
    assertEquals([one?.version, three], [version, null]);
  });

  test("commits when the checks hold, absence among them", async (kv) => {
    const version = await committed(kv, { sets: [entry(bytes(1), 1)] });
    const checks = [{ key: bytes(1), version }, { key: bytes(2), version: null }];
    await committed(kv, { checks, sets: [entry(bytes(1), 9), entry(bytes(2), 9)] });
    const again = await kv.commit({ checks, sets: [entry(bytes(3), 1)] });
    assertEquals(again.kind, "conflict");
  });

  test("applies sets and deletes of one commit together", async (kv) => {
    await committed(kv, { sets: [entry(bytes(1), 1), entry(bytes(2), 2)] });
    await committed(kv, { sets: [entry(bytes(3), 3)], deletes: [bytes(1), bytes(77)] });
    const left = await kv.list({ start: bytes(), end: bytes(255) }, { limit: 10 });
    assertEquals(left.map((each) => each.value[0]), [2, 3]);
  });

  test("lets one of many racing writers win each version", async (kv) => {
    let version: string | null = null;
    for (let round = 0; round < 5; round++) {
      const outcomes: KvOutcome[] = await Promise.all(
        Array.from(
          { length: 8 },
          (_, at) =>
            kv.commit({ checks: [{ key: bytes(1), version }], sets: [entry(bytes(1), at)] }),
        ),
      );
      const winners = outcomes.flatMap((each, at) => each.kind === "ok" ? [{ ...each, at }] : []);
      assertEquals(winners.length, 1);
      assertEquals(outcomes.filter((each) => each.kind === "conflict").length, 7);
      const [found] = await kv.get([bytes(1)]);
      assertEquals([found!.version, found!.value[0]], [winners[0].version, winners[0].at]);
      version = winners[0].version;
    }
  });

  test("shows a commit to every read that starts after its answer", async (kv) => {
    for (let round = 0; round < 50; round++) {
      await committed(kv, { sets: [entry(bytes(1), round), entry(bytes(2), round)] });
      const [[got], listed] = await Promise.all([
        kv.get([bytes(1)]),
        kv.list({ start: bytes(2), end: bytes(3) }, { limit: 1 }),
      ]);
      assertEquals([got!.value[0], listed[0].value[0]], [round, round]);
    }
  });

  test("never shows half of a commit", async (kv) => {
    const pair = [bytes(1), bytes(2)];
    await committed(kv, { sets: pair.map((each) => entry(each, 0)) });
    let writing = true;
    const writer = (async () => {
      for (let round = 1; round <= 60; round++) {
        await committed(kv, { sets: pair.map((each) => entry(each, round)) });
      }
      writing = false;
    })();
    while (writing) {
      const [one, two] = await kv.get(pair);
      assertEquals(one!.version, two!.version);
      const listed = await kv.list({ start: bytes(1), end: bytes(3) }, { limit: 2 });
      assertEquals(listed[0].version, listed[1].version);
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
    await writer;
  });

  test("has taken keys and values when commit returns its promise", async (kv) => {
    const name = bytes(1, 2, 3);
    const value = valueOf(60_000, 1);
    const pending = kv.commit({ sets: [{ key: name, value }] });
    name.fill(9);
    value.fill(9);
    assertEquals((await pending).kind, "ok");
    const [found] = await kv.get([bytes(1, 2, 3)]);
    assert(found!.value.every((byte) => byte === 1));
  });
}

function limits(test: Test): void {
  test("takes a commit that is exactly at its limits of bytes", async (kv) => {
    await committed(kv, fullCommit(kv, kv.limits.commitBytesMax));
  });

  test("refuses a commit beyond its limits, whole", async (kv) => {
    const { limits } = kv;
    const many = (size: number) => Array.from({ length: size }, (_, at) => key("m", at));
    const long = new Uint8Array(limits.keyBytesMax).fill(1);
    const wide = Array.from({ length: 45 }, (_, at) => new Uint8Array(2_000).fill(at + 1));
    const excessive: KvCommit[] = [
      fullCommit(kv, limits.commitBytesMax + 1),
      { sets: [{ key: bytes(1), value: valueOf(limits.valueBytesMax + 1) }] },
      { sets: [entry(long, 1)] },
      { sets: [entry(bytes(1), 1)], deletes: [long] },
      { deletes: many(limits.commitMutationsMax + 1) },
      { sets: wide.map((each) => entry(each, 1)) },
      {
        checks: many(limits.commitChecksMax + 1).map((each) => ({ key: each, version: null })),
        sets: [entry(bytes(1), 1)],
      },
    ];
    for (const commit of excessive) assertEquals((await kv.commit(commit)).kind, "refused");
    assertEquals(await kv.list({ start: bytes(), end: bytes(255, 255) }, { limit: 9 }), []);
  });

  test("takes the longest key and as many mutations and checks as its limits say", async (kv) => {
    const { keyBytesMax, commitMutationsMax, commitChecksMax, getKeysMax } = kv.limits;
    const longest = new Uint8Array(keyBytesMax - 2).fill(1);
    assertEquals(keyBytes(longest), keyBytesMax);
    const names = Array.from({ length: commitMutationsMax - 1 }, (_, at) => key("n", at));
    await committed(kv, {
      checks: names.slice(0, commitChecksMax).map((each) => ({ key: each, version: null })),
      sets: [...names, longest].map((each) => entry(each, 1)),
    });
    assertEquals((await kv.get([longest]))[0]!.key, longest);
    const found = await kv.get(names.slice(0, getKeysMax));
    assert(found.every((each) => each !== null));
  });

  test("throws a RangeError for a read beyond its limits", async (kv) => {
    const { getKeysMax, listEntriesMax } = kv.limits;
    const names = Array.from({ length: getKeysMax + 1 }, (_, at) => key(at));
    await assertRejects(() => kv.get(names), RangeError);
    for (const limit of [0, -1, 1.5, listEntriesMax + 1]) {
      await assertRejects(() => kv.list(prefixRange(), { limit }), RangeError);
    }
  });
}

function lives(subject: KvSubject): void {
  Deno.test(`${subject.name} keeps entries and versions when opened again`, async () => {
    const place = await subject.place();
    try {
      const first = await place.open();
      const [log, meta] = [await first.open("log-0"), await first.open("meta")];
      const version = await committed(log, { sets: [entry(bytes(1), 5)] });
      await committed(meta, { sets: [entry(bytes(1), 6)] });
      await Promise.all([log.close(), meta.close()]);
      await first.close();

      const second = await place.open();
      const again = await second.open("log-0");
      const [found] = await again.get([bytes(1)]);
      assertEquals([found!.value[0], found!.version], [5, version]);
      await committed(again, {
        checks: [{ key: bytes(1), version }],
        sets: [entry(bytes(1), 7)],
      });
      await again.close();
      await second.close();
    } finally {
      await place.remove();
    }
  });

  Deno.test(`${subject.name} refuses commits and throws on reads once closed`, async () => {
    const place = await subject.place();
    try {
      const folder = await place.open();
      const kv = await folder.open("store");
      await committed(kv, { sets: [entry(bytes(1), 1)] });
      await kv.close();
      assertEquals((await kv.commit({ sets: [entry(bytes(1), 2)] })).kind, "refused");
      await assertRejects(() => kv.get([bytes(1)]));
      await assertRejects(() => kv.list(prefixRange(), { limit: 1 }));
      await folder.close();
      await assertRejects(() => folder.open("other"));
    } finally {
      await place.remove();
    }
  });

  Deno.test(`${subject.name} opens each store of a folder once`, async () => {
    const place = await subject.place();
    try {
      const folder = await place.open();
      const kv = await folder.open("store");
      await assertRejects(() => folder.open("store"), Error, "open already");
      await kv.close();
      await folder.close();
    } finally {
      await place.remove();
    }
  });
}

function entry(name: Uint8Array, fill: number): { key: Uint8Array; value: Uint8Array } {
  return { key: name, value: valueOf(8, fill) };
}

/** Values as large as they may be, and a last one that makes the whole cost `total` bytes. */
function fullCommit(kv: Kv, total: number): KvCommit {
  const sets: { key: Uint8Array; value: Uint8Array }[] = [];
  for (let left = total; left > 0;) {
    const name = bytes(1, sets.length + 1);
    const size = Math.min(kv.limits.valueBytesMax, left - 2 * keyBytes(name));
    sets.push({ key: name, value: valueOf(size) });
    left -= size + 2 * keyBytes(name);
  }
  assertEquals(commitCost({ sets }).bytes, total);
  return { sets };
}

async function committed(kv: Kv, commit: KvCommit): Promise<string> {
  const outcome = await kv.commit(commit);
  assert(outcome.kind === "ok", `${outcome.kind}: ${"error" in outcome ? outcome.error : ""}`);
  return outcome.version;
}

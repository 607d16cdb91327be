import {
  assert,
  assertEquals,
  assertFalse,
  assertLess,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import fc from "fast-check";
import { gzipSync, zstdCompressSync } from "node:zlib";
import {
  type Codec,
  codecFromId,
  codecId,
  CODECS,
  compress,
  decompress,
} from "../../../protocol/compression/mod.ts";
import { xxhash32 } from "../../../protocol/compression/xxhash32.ts";
import { KafkaError } from "../../../protocol/errors.ts";
import { assertSameBytes, concat, fixture, sampleBytes, utf8 } from "../records/samples.ts";

const MIB = 1024 * 1024;
const COMPRESSING = CODECS.filter((codec) => codec !== "none");
const limits = { outputBytesMax: 4 * MIB };

function assertRefused(kind: string, inflate: () => unknown, what = ""): void {
  const error = assertThrows(inflate, KafkaError, "", what);
  assertEquals(error.kind, kind, `${what} ${error.message}`);
}

/** Runs of equal bytes, repeats from near and far, and noise: what each codec treats in its own way. */
const compressible = fc.array(
  fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.record({ byte: fc.nat(255), length: fc.nat(70_000) }).map(({ byte, length }) =>
      new Uint8Array(length).fill(byte)
    ),
    fc.record({ word: fc.uint8Array({ minLength: 1, maxLength: 40 }), times: fc.nat(400) })
      .map(({ word, times }) => concat(Array.from({ length: times }, () => word))),
  ),
  { maxLength: 8 },
).map(concat);

for (const codec of CODECS) {
  Deno.test(`Compression with ${codec} gives back what went in`, () => {
    fc.assert(
      fc.property(compressible, (bytes) => {
        assertSameBytes(decompress(codec, compress(codec, bytes), limits), bytes);
      }),
      { numRuns: 150 },
    );
    for (const bytes of [new Uint8Array(0), Uint8Array.of(7), sampleBytes()]) {
      assertSameBytes(decompress(codec, compress(codec, bytes)), bytes);
    }
  });

  Deno.test(`Compression with ${codec} does not depend on where its input lies`, () => {
    const bytes = sampleBytes().subarray(0, 5000);
    const shifted = new Uint8Array(bytes.length + 7);
    shifted.set(bytes, 3);
    const compressed = compress(codec, shifted.subarray(3, 3 + bytes.length));
    assertSameBytes(compressed, compress(codec, bytes));
    const around = concat([new Uint8Array(5), compressed, Uint8Array.of(1, 2, 3)]);
    const inflated = decompress(codec, around.subarray(5, 5 + compressed.length));
    assertSameBytes(inflated, bytes);
    assertStrictEquals(Object.getPrototypeOf(inflated), Uint8Array.prototype);
  });
}

for (const codec of COMPRESSING) {
  Deno.test(`Compression with ${codec} makes text smaller`, () => {
    const text = utf8("the spool rolls on, ".repeat(2000));
    assertLess(compress(codec, text).length, text.length / 8);
  });

  Deno.test(`Inflating ${codec} stops at the limit of bytes`, () => {
    const compressed = compress(codec, sampleBytes());
    const exact = sampleBytes().length;
    assertEquals(decompress(codec, compressed, { outputBytesMax: exact }).length, exact);
    for (const outputBytesMax of [exact - 1, 1000, 0]) {
      assertRefused("MESSAGE_TOO_LARGE", () => decompress(codec, compressed, { outputBytesMax }));
    }
  });

  Deno.test(`Inflating ${codec} holds a bomb to the limit of memory`, () => {
    const bomb = compress(codec, new Uint8Array(64 * MIB));
    const before = Deno.memoryUsage().external;
    assertRefused("MESSAGE_TOO_LARGE", () => decompress(codec, bomb, { outputBytesMax: MIB }));
    assertLess(Deno.memoryUsage().external - before, 8 * MIB);
  });

  Deno.test(`Inflating ${codec} holds a bomb to the limit of its ratio`, () => {
    const bomb = compress(codec, new Uint8Array(20 * MIB));
    const bounded = { outputBytesMax: 64 * MIB, ratioMax: 5 };
    assertRefused("MESSAGE_TOO_LARGE", () => decompress(codec, bomb, bounded));
    const free = { outputBytesMax: 64 * MIB, ratioMax: 1e6 };
    assertEquals(decompress(codec, bomb, free).length, 20 * MIB);
  });

  Deno.test(`Inflating ${codec} refuses input that is cut short anywhere`, () => {
    const compressed = compress(codec, sampleBytes().subarray(0, 700));
    for (let length = 0; length < compressed.length; length++) {
      const cut = compressed.subarray(0, length);
      // A xerial header alone is a whole stream that holds nothing.
      if (codec === "snappy" && length === 16) continue;
      assertRefused("CORRUPT_MESSAGE", () => decompress(codec, cut));
    }
  });

  Deno.test(`Inflating ${codec} never fails but with a KafkaError, whatever it is given`, () => {
    const whole = compress(codec, sampleBytes().subarray(0, 3000));
    const change = fc.tuple(fc.nat(whole.length - 1), fc.nat(255));
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 6 }), fc.nat(), (changes, cut) => {
        const mutated = whole.slice(0, cut % 3 === 0 ? cut % whole.length : whole.length);
        for (const [at, byte] of changes) if (at < mutated.length) mutated[at] = byte;
        inflateOrRefuse(codec, mutated);
      }),
      { numRuns: 1500 },
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (tail) => {
        inflateOrRefuse(codec, tail);
        inflateOrRefuse(codec, concat([whole.subarray(0, 16), tail]));
      }),
      { numRuns: 1500 },
    );
  });
}

function inflateOrRefuse(codec: Codec, bytes: Uint8Array): void {
  try {
    const inflated = decompress(codec, bytes, { outputBytesMax: 100_000 });
    assert(inflated.length <= 100_000);
  } catch (error) {
    if (!(error instanceof KafkaError)) throw error;
  }
}

Deno.test("Codecs have the ids of a batch's attributes", () => {
  assertEquals(CODECS.map(codecId), [0, 1, 2, 3, 4]);
  assertEquals([0, 1, 2, 3, 4].map(codecFromId), [...CODECS]);
  for (const id of [5, 6, 7, -1]) {
    assertRefused("UNSUPPORTED_COMPRESSION_TYPE", () => codecFromId(id));
  }
});

Deno.test("xxHash32 has its known values", () => {
  assertEquals(xxhash32(new Uint8Array(0)), 0x02cc5d05);
  assertEquals(xxhash32(utf8("a")), 0x550d7456);
  assertEquals(xxhash32(utf8("Nobody inspects the spammish repetition")), 0xe2293b2f);
});

Deno.test("gzip reads several members, as gzip itself wrote them", () => {
  assertSameBytes(decompress("gzip", fixture("two_members.gz")), sampleBytes());
});

Deno.test("gzip counts all members against the limit", () => {
  const member = gzipSync(new Uint8Array(1000));
  const twice = concat([member, member]);
  assertEquals(decompress("gzip", twice, { outputBytesMax: 2000 }).length, 2000);
  assertRefused(
    "MESSAGE_TOO_LARGE",
    () => decompress("gzip", twice, { outputBytesMax: 1999 }),
  );
});

Deno.test("zstd reads frames that the reference tool wrote", () => {
  for (const name of ["sized.zst", "streamed_window.zst", "two_frames.zst"]) {
    assertSameBytes(decompress("zstd", fixture(name)), sampleBytes(), name);
  }
});

Deno.test("zstd counts all frames against the limit and skips skippable ones", () => {
  const frame = zstdCompressSync(new Uint8Array(1000));
  const skippable = Uint8Array.of(0x53, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 9, 9, 9);
  const whole = concat([skippable, frame, skippable, frame]);
  assertEquals(decompress("zstd", whole, { outputBytesMax: 2000 }).length, 2000);
  assertRefused(
    "MESSAGE_TOO_LARGE",
    () => decompress("zstd", whole, { outputBytesMax: 1999 }),
  );
  assertRefused("CORRUPT_MESSAGE", () => decompress("zstd", skippable));
  assertRefused("CORRUPT_MESSAGE", () => decompress("zstd", concat([frame, Uint8Array.of(1)])));
});

Deno.test("zstd refuses a batch of 30 000 empty frames before it inflates the first: each took 70 µs", () => {
  const empty = Uint8Array.fromHex("28b52ffd2000010000");
  const skippable = Uint8Array.of(0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0);
  // Its checksum is wrong, which only inflating it could tell.
  const wrong = Uint8Array.fromHex("28b52ffd2400010000" + "00000000");
  const alone = assertThrows(() => decompress("zstd", wrong), KafkaError);
  assertFalse(alone.message.includes("frames"));
  for (const frame of [empty, skippable]) {
    const flood = concat([wrong, ...Array(30_000).fill(frame)]);
    const framesMax = 16 + Math.floor(flood.length / 4096);
    const error = assertThrows(() => decompress("zstd", flood), KafkaError);
    assertEquals(error.kind, "CORRUPT_MESSAGE");
    assertStringIncludes(error.message, `more than ${framesMax} frames`);
  }
});

Deno.test("zstd reads 16 small frames, and one more for every 4 KiB", () => {
  const small = new Uint8Array(zstdCompressSync(utf8("thread")));
  const smalls = (count: number) => concat(Array.from({ length: count }, () => small));
  assertEquals(decompress("zstd", smalls(16)).length, 16 * 6);
  assertRefused("CORRUPT_MESSAGE", () => decompress("zstd", smalls(17)));
  // A skippable frame of 40 KiB, and so many small ones behind it.
  const large = concat([
    Uint8Array.of(0x50, 0x2a, 0x4d, 0x18, 0, 0xa0, 0, 0),
    new Uint8Array(40960),
  ]);
  const mixed = (count: number) => concat([large, smalls(count)]);
  assertEquals(decompress("zstd", mixed(25)).length, 25 * 6);
  assertRefused("CORRUPT_MESSAGE", () => decompress("zstd", mixed(26)));
});

Deno.test("zstd refuses a frame that announces 4 GB in a few bytes, without making room for them", () => {
  // One raw block of one byte, content size 2^32 - 1 in eight bytes.
  const frame = Uint8Array.fromHex("28b52ffde0ffffffff0000000009000041");
  const before = Deno.memoryUsage().external;
  assertRefused("CORRUPT_MESSAGE", () => decompress("zstd", frame, { outputBytesMax: 2 ** 40 }));
  assertLess(Deno.memoryUsage().external - before, MIB);
});

Deno.test("zstd refuses frames that need a dictionary or have reserved bits", () => {
  for (const descriptor of [0x01, 0x03, 0x08]) {
    const frame = zstdCompressSync(utf8("thread"));
    frame[4] |= descriptor;
    assertRefused("CORRUPT_MESSAGE", () => decompress("zstd", new Uint8Array(frame)));
  }
});

Deno.test("snappy reads a plain block, as librdkafka and franz-go write it", () => {
  // "abcd", then 8 bytes from 4 back, then 64 from 1 back, then 5 from 3 back in the longest form.
  const block = Uint8Array.of(
    ...[81, 3 << 2, 0x61, 0x62, 0x63, 0x64],
    ...[1 | (4 << 2), 4],
    ...[2 | (63 << 2), 1, 0],
    ...[3 | (4 << 2), 3, 0, 0, 0],
  );
  assertEquals(
    new TextDecoder().decode(decompress("snappy", block)),
    "abcdabcdabcd" + "d".repeat(64) + "ddddd",
  );
});

Deno.test("snappy reads a plain block that Google's library wrote", () => {
  assertSameBytes(decompress("snappy", fixture("block.snappy")), sampleBytes());
});

Deno.test("snappy reads xerial streams that were put one after another", () => {
  const stream = compress("snappy", utf8("thread"));
  const inflated = decompress("snappy", concat([stream, stream]));
  assertEquals(new TextDecoder().decode(inflated), "threadthread");
});

Deno.test("snappy refuses a block that announces 4 GB, without making room for them", () => {
  const block = Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0x0f, 0x00, 0x41);
  const framed = concat([
    compress("snappy", new Uint8Array(0)),
    Uint8Array.of(0, 0, 0, block.length),
    block,
  ]);
  const before = Deno.memoryUsage().external;
  for (const bytes of [block, framed]) {
    assertRefused(
      "CORRUPT_MESSAGE",
      () => decompress("snappy", bytes, { outputBytesMax: 2 ** 40 }),
    );
  }
  assertLess(Deno.memoryUsage().external - before, MIB);
});

Deno.test("snappy refuses copies from before the block, and what does not fit the announced size", () => {
  const literal = [3 << 2, 0x61, 0x62, 0x63, 0x64];
  const blocks = {
    "copy from before the block": [8, ...literal, 1, 5],
    "copy from nowhere": [8, ...literal, 1, 0],
    "far copy from before the block": [8, ...literal, 2 | (3 << 2), 5, 0],
    "copy beyond the size": [7, ...literal, 1, 4],
    "copy without a distance": [8, ...literal, 2 | (3 << 2), 4],
    "literal beyond the size": [3, ...literal],
    "literal beyond the block": [9, 8 << 2, 0x61, 0x62],
    "length of a literal cut short": [9, 61 << 2, 0x61],
    "bytes missing": [5, ...literal],
  };
  assertEquals(decompress("snappy", Uint8Array.of(8, ...literal, 1, 4)), utf8("abcdabcd"));
  for (const [what, block] of Object.entries(blocks)) {
    assertRefused("CORRUPT_MESSAGE", () => decompress("snappy", Uint8Array.from(block)), what);
  }
  // Blocks of one stream do not refer to each other either.
  const framed = (...block: number[]) => Uint8Array.of(0, 0, 0, block.length, ...block);
  const stream = concat([
    compress("snappy", new Uint8Array(0)),
    framed(4, ...literal),
    framed(8, ...literal, 1, 8),
  ]);
  assertRefused("CORRUPT_MESSAGE", () => decompress("snappy", stream));
});

Deno.test("snappy refuses a xerial stream of a later version", () => {
  const stream = compress("snappy", utf8("thread"));
  stream[15] = 2;
  assertRefused("CORRUPT_MESSAGE", () => decompress("snappy", stream));
});

Deno.test("lz4 reads frames that the reference tool wrote: linked blocks, sizes, checksums", () => {
  for (const name of ["independent.lz4", "linked_sized.lz4", "linked_checksums.lz4"]) {
    assertSameBytes(decompress("lz4", fixture(name)), sampleBytes(), name);
  }
});

Deno.test("lz4 notices a change under each of its checksums", () => {
  const frame = fixture("linked_checksums.lz4");
  for (const at of [5, 6, 1000, frame.length - 1]) {
    const changed = frame.slice();
    changed[at] ^= 0x10;
    assertRefused("CORRUPT_MESSAGE", () => decompress("lz4", changed));
  }
});

Deno.test("lz4 refuses dictionaries, reserved bits, other versions and a wrong content size", () => {
  const withHeader = (flags: number, blockSize: number, contentSize: number[] = []) => {
    const descriptor = Uint8Array.of(flags, blockSize, ...contentSize);
    const checksum = (xxhash32(descriptor) >>> 8) & 0xff;
    return concat([
      Uint8Array.of(0x04, 0x22, 0x4d, 0x18),
      descriptor,
      Uint8Array.of(checksum, 1, 0, 0, 0x80, 0x41, 0, 0, 0, 0),
    ]);
  };
  const sized = (size: number) => withHeader(0x68, 0x40, [size, 0, 0, 0, 0, 0, 0, 0]);
  assertEquals(decompress("lz4", withHeader(0x60, 0x40)), utf8("A"));
  assertEquals(decompress("lz4", sized(1)), utf8("A"));
  for (
    const bad of [
      withHeader(0x61, 0x40),
      withHeader(0x62, 0x40),
      withHeader(0xa0, 0x40),
      withHeader(0x60, 0x41),
      withHeader(0x60, 0xc0),
      withHeader(0x60, 0x30),
      sized(2),
      concat([withHeader(0x60, 0x40), Uint8Array.of(0)]),
    ]
  ) {
    assertRefused("CORRUPT_MESSAGE", () => decompress("lz4", bad));
  }
});

Deno.test("lz4 refuses matches from before the block, and blocks larger than the frame allows", () => {
  const frame = (...blocks: Uint8Array[]) =>
    concat([
      Uint8Array.fromHex("04224d18604082"),
      ...blocks.flatMap((block) => [
        Uint8Array.of(block.length, block.length >>> 8, block.length >>> 16, 0),
        block,
      ]),
      new Uint8Array(4),
    ]);
  const abcd = [0x61, 0x62, 0x63, 0x64];
  const blocks = {
    "match from before the block": [0x40, ...abcd, 5, 0, 0],
    "match from nowhere": [0x40, ...abcd, 0, 0, 0],
    "distance cut short": [0x40, ...abcd, 4],
    "length of a match cut short": [0x4f, ...abcd, 4, 0],
    "length of a match without an end": [0x4f, ...abcd, 4, 0, 255, 255],
    "block that ends in a match": [0x40, ...abcd, 4, 0],
    "literals cut short": [0x50, ...abcd],
    "length of literals cut short": [0xf0],
  };
  const good = Uint8Array.of(0x40, ...abcd, 4, 0, 0x10, 0x65);
  assertEquals(decompress("lz4", frame(good)), utf8("abcdabcde"));
  for (const [what, block] of Object.entries(blocks)) {
    assertRefused("CORRUPT_MESSAGE", () => decompress("lz4", frame(Uint8Array.from(block))), what);
  }
  const fromBlockBefore = Uint8Array.of(0x40, ...abcd, 12, 0, 0x10, 0x65);
  assertRefused("CORRUPT_MESSAGE", () => decompress("lz4", frame(good, fromBlockBefore)));
  const literals = (length: number) => {
    const more = length - 15;
    return concat([
      Uint8Array.of(0xf0),
      new Uint8Array(Math.floor(more / 255)).fill(255),
      Uint8Array.of(more % 255),
      new Uint8Array(length),
    ]);
  };
  assertEquals(decompress("lz4", frame(literals(65536))).length, 65536);
  assertRefused("CORRUPT_MESSAGE", () => decompress("lz4", frame(literals(65537))));
  const run = concat([
    Uint8Array.of(0x1f, 0x61, 1, 0),
    new Uint8Array(257).fill(255),
    Uint8Array.of(1, 0),
  ]);
  assertRefused("CORRUPT_MESSAGE", () => decompress("lz4", frame(run)));
});

Deno.test("lz4 and snappy write what Java reads: independent 64 KiB blocks, xerial 32 KiB blocks", () => {
  const bytes = sampleBytes();
  assertEquals(compress("lz4", bytes).subarray(0, 7).toHex(), "04224d18604082");
  const snappy = compress("snappy", bytes);
  assertEquals(snappy.subarray(0, 16).toHex(), "82534e41505059000000000100000001");
  // 32 KiB as a varint, behind the size of the first block.
  assertEquals(snappy.subarray(20, 23).toHex(), "808002");
});

import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { parseProperties } from "../../cli/properties.ts";

Deno.test("Properties are parted by =, : or blanks", () => {
  assertEquals(parseProperties("a=1\nb:2\nc 3\nd  =  4\n e\t:\t5\nf\n=6\ng==7\n"), [
    ["a", "1"],
    ["b", "2"],
    ["c", "3"],
    ["d", "4"],
    ["e", "5"],
    ["f", ""],
    ["", "6"],
    ["g", "=7"],
  ]);
});

Deno.test("Properties leave out comments and empty lines, of whatever line ends", () => {
  assertEquals(parseProperties("# a=1\r\n  ! b=2\r\r\n \t\nc=3 # not a comment\r"), [
    ["c", "3 # not a comment"],
  ]);
});

Deno.test("Properties keep blanks behind a value, as Java does", () => {
  assertEquals(parseProperties("a = 1 \n"), [["a", "1 "]]);
});

Deno.test("A line that ends with an odd number of backslashes goes on in the next", () => {
  assertEquals(parseProperties("a=1,\\\n   2,\\\r\n\t3\nb=c\\\\\nd=e"), [
    ["a", "1,2,3"],
    ["b", "c\\"],
    ["d", "e"],
  ]);
  assertEquals(parseProperties("a=\\\n# not a comment"), [["a", "# not a comment"]]);
  assertEquals(parseProperties("\\\n# not a comment"), [["#", "not a comment"]]);
  assertEquals(parseProperties("a=\\\n\nb=1"), [["a", ""], ["b", "1"]]);
  assertEquals(parseProperties("a=1\\"), [["a", "1"]]);
});

Deno.test("Escapes stand for characters, in keys and in values", () => {
  assertEquals(parseProperties("a\\ b\\=c\\:=\\t\\n\\r\\f\\\\\\q\\u00e4\\uD83E\\uDDF5"), [
    ["a b=c:", "\t\n\r\f\\qä🧵"],
  ]);
});

Deno.test("A \\u without four hexadecimal digits is refused with its line", () => {
  for (const wrong of ["\\u12", "\\u", "\\u12g4"]) {
    assertThrows(() => parseProperties(`# one\na=1,\\\n2\nb=${wrong}`), SyntaxError, "line 4");
  }
});

Deno.test("A text that is no settings file is refused by its size", () => {
  assertThrows(() => parseProperties("x".repeat(2 ** 20 + 1)), RangeError, "too large");
});

Deno.test("Any key and value that are escaped as Java stores them come back", () => {
  const escape = (text: string, blanks: RegExp) =>
    text.replaceAll(/[\\=:#!]/g, "\\$&").replaceAll(blanks, "\\$&")
      .replaceAll("\t", "\\t").replaceAll("\n", "\\n").replaceAll("\r", "\\r")
      .replaceAll("\f", "\\f");
  const text = fc.string({ unit: fc.oneof(fc.constantFrom(..." \\=:#!\t\n\r\f"), fc.string()) });
  fc.assert(fc.property(fc.array(fc.tuple(text, text)), (entries) => {
    const file = entries.map(([key, value]) => `${escape(key, / /g)}=${escape(value, /^ /g)}\n`);
    assertEquals(parseProperties(`#\n${file.join("")}`), entries);
  }));
});

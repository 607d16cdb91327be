import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { RE2JS } from "re2js";
import { Pattern } from "../../../protocol/re2/pattern.ts";
import { PatternError } from "../../../protocol/re2/syntax.ts";

const PATTERNS: readonly (readonly [
  pattern: string,
  matching: readonly string[],
  others: readonly string[],
])[] = [
  ["", [""], ["a"]],
  ["orders-.*", ["orders-", "orders-17"], ["orders", "my-orders-17"]],
  ["a|b|", ["a", "b", ""], ["c", "ab"]],
  ["(ab)+c{2,3}d{2}e{1,}", ["abccdde", "ababcccddee"], ["abcdde", "ccdde"]],
  ["a{,2}", ["a{,2}"], ["a", "aa"]],
  ["^x$", ["x"], ["x\n", ""]],
  ["(?m)a$\n^b", ["a\nb"], ["a\n\nb"]],
  [".", ["a", "😀"], ["\n", "ab"]],
  ["(?s).", ["\n"], [""]],
  ["[^a-c\\d]+", ["xyz"], ["xbz", "1", ""]],
  ["[]a-]+", ["]a-"], ["b"]],
  ["[[:upper:][:^alnum:]]+", ["A-B"], ["a", "1"]],
  ["(?i)straße|[x-z]", ["STRAßE", "Y"], ["strasse"]],
  ["(?i:A)b", ["ab", "Ab"], ["aB"]],
  ["(?P<first>a)(?<second>b)(?:c)", ["abc"], ["ab"]],
  ["\\Qa.b*\\E?\\(\\x41\\x{1F600}\\101\\n", ["a.b*(A😀A\n", "a.b(A😀A\n"], ["axb*(A😀A\n"]],
  ["\\bfoo\\b.*\\Bar", ["foo bar", "foo ar".replace(" ", " b")], ["foobar"]],
  ["\\w+@\\w+\\.com", ["a_1@b.com"], ["a@b-com"]],
];

for (const [text, matching, others] of PATTERNS) {
  Deno.test(`Pattern ${JSON.stringify(text)} matches what it should, as a whole`, () => {
    const pattern = new Pattern(text);
    for (const one of matching) assert(pattern.matches(one), JSON.stringify(one));
    for (const one of others) assert(!pattern.matches(one), JSON.stringify(one));
  });
}

for (
  const text of [
    ...["(", ")", "(a", "a)", "[", "[]", "[z-a]", "[[:nothing:]]", "\\", "*", "+a", "a**", "a|*"],
    ...["a{2}{3}", "a{1001}", "a{3,2}", "(a{100}){11}", "\\8", "\\y", "\\x{110000}", "\\xg"],
    // What RE2 leaves out because it can take for ever, or cannot be told from left to right.
    ...[
      "(a)\\1",
      "(?=a)",
      "(?!a)",
      "(?<=a)",
      "(?>a)",
      "a++",
      "(?P<1>a)",
      "(?P=n)",
      "(?P<n>a)(?P<n>b)",
    ],
    // What is not taken on.
    ...["\\p{Greek}", "\\pN", "\\C"],
    // What is too large.
    ...[
      "(ab){1000}(cd){1000}",
      `(${"()".repeat(1000)}){1000}`,
      "x".repeat(4097),
      `${"(".repeat(300)}a${")".repeat(300)}`,
    ],
  ]
) {
  const shown = text.length > 30 ? `${text.slice(0, 30)}…` : text;
  Deno.test(`Pattern refuses ${JSON.stringify(shown)}`, () => {
    assertThrows(() => new Pattern(text), PatternError);
  });
}

const atoms = fc.constantFrom(
  ...["a", "b", "A", "1", "_", " ", "-", ".", "^", "$", "\\b", "\\B", "\\d", "\\W", "\\.", "\\n"],
  ...["[a-b]", "[^a]", "[\\d_]", "[[:alpha:]-]", "[^\\s1]", "\\Qa|\\E", "()", "(?i)", "(?-i)"],
);
const patterns = fc.letrec((tie) => ({
  pattern: fc.oneof(
    { maxDepth: 4 },
    atoms,
    fc.tuple(tie("pattern"), tie("pattern")).map(([a, b]) => `${a}${b}`),
    fc.tuple(tie("pattern"), tie("pattern")).map(([a, b]) => `(?:${a}|${b})`),
    fc.tuple(
      tie("pattern"),
      fc.constantFrom("*", "+", "?", "*?", "{2}", "{0,2}", "{1,}", "{0}"),
    ).map(([a, often]) => `(${a})${often}`),
    fc.tuple(fc.constantFrom("(?i:", "(?m:", "(?s:"), tie("pattern"))
      .map(([open, a]) => `${open}${a})`),
  ),
})).pattern as fc.Arbitrary<string>;
const texts = fc.string({
  unit: fc.constantFrom(...["a", "b", "A", "1", "_", " ", "-", "\n", "|"]),
});
/** Whatever somebody types. */
const scribbles = fc.string({
  unit: fc.constantFrom(...`ab1|*+?(){}[]^$.,-:\\dQE`),
  maxLength: 10,
});

Deno.test("Pattern matches what RE2 matches", () => {
  fc.assert(
    fc.property(patterns, fc.array(texts, { minLength: 8, maxLength: 8 }), (text, them) => {
      const expected = RE2JS.compile(text);
      const pattern = new Pattern(text);
      for (const one of them) {
        assertEquals(pattern.matches(one), expected.matches(one), JSON.stringify([text, one]));
      }
    }),
    { numRuns: 500 },
  );
});

Deno.test("Pattern takes and refuses what RE2 does, of whatever somebody types", () => {
  fc.assert(
    fc.property(scribbles, fc.array(texts, { minLength: 3, maxLength: 3 }), (text, them) => {
      let expected: RE2JS | null = null;
      try {
        expected = RE2JS.compile(text);
      } catch {
        assertThrows(() => new Pattern(text), PatternError);
        return;
      }
      const pattern = new Pattern(text);
      for (const one of them) {
        assertEquals(pattern.matches(one), expected.matches(one), JSON.stringify([text, one]));
      }
    }),
    { numRuns: 3_000 },
  );
});

Deno.test("Pattern that is meant to take for ever costs no more than its size for each character", () => {
  for (
    const text of ["(a*)*b", "(a|aa)+$b", "(x+x+)+y", "(a?){300}a{300}", "([a-c]{1,30}){1,30}!"]
  ) {
    for (const length of [100, 1000]) {
      const matching = new Pattern(text).match("a".repeat(length));
      assertEquals(matching.run(Infinity), false, text);
      assert(matching.steps < 2 * 2000 * (length + 1), `${text}: ${matching.steps} steps`);
    }
  }
});

Deno.test("Pattern looks at a text in pieces, and finds the same", () => {
  const pattern = new Pattern("(a?){200}(b|a)*c");
  for (const [end, expected] of [["c", true], ["d", false]] as const) {
    const matching = pattern.match("a".repeat(500) + end);
    let pieces = 0;
    let found: boolean | null = null;
    while (found === null) {
      const before = matching.steps;
      found = matching.run(1000);
      assert(matching.steps - before < 1000 + 2 * 2000);
      pieces++;
    }
    assertEquals(found, expected);
    assert(pieces > 10, `${pieces} pieces`);
  }
});

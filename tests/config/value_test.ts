import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { ConfigError } from "../../config/config_error.ts";
import type { ConfigDefinition } from "../../config/definition.ts";
import { BROKER_DEFINITIONS, TOPIC_DEFINITIONS } from "../../config/definitions.ts";
import { canonicalText, parseValue } from "../../config/value.ts";

function define(partial: Partial<ConfigDefinition>): ConfigDefinition {
  return { type: "string", default: null, importance: "low", ...partial };
}

function refuses(definition: ConfigDefinition, text: string, complaint: string): void {
  const error = assertThrows(() => parseValue("some.name", definition, text), ConfigError);
  assertEquals(
    (error as Error).message,
    `Invalid value ${text} for configuration some.name: ${complaint}`,
  );
}

Deno.test("A default is legal for its own setting", () => {
  const all: [string, ConfigDefinition][] = [
    ...Object.entries(TOPIC_DEFINITIONS),
    ...Object.entries(BROKER_DEFINITIONS),
  ];
  for (const [name, definition] of all) {
    if (definition.default !== null) parseValue(name, definition, definition.default);
  }
  assertEquals(Object.keys(TOPIC_DEFINITIONS).length, 34);
});

Deno.test("A whole number is any that Java's type holds, and nothing else", () => {
  const bits = { short: 16n, int: 32n, long: 64n } as const;
  const type = fc.constantFrom<keyof typeof bits>("short", "int", "long");
  fc.assert(
    fc.property(type, fc.bigInt({ min: -(2n ** 66n), max: 2n ** 66n }), (type, value) => {
      const limit = 2n ** (bits[type] - 1n);
      const definition = define({ type });
      if (value >= -limit && value < limit) {
        assertEquals(parseValue("some.name", definition, ` ${value} `), Number(value));
      } else {
        refuses(definition, String(value), `Not a number of type ${type.toUpperCase()}`);
      }
    }),
  );
});

Deno.test("A whole number is not read from text that JavaScript alone would accept", () => {
  for (const text of ["", "0x10", "1e3", "1.0", "1_000", "Infinity", "abc", "--1", "1n"]) {
    refuses(define({ type: "long" }), text, "Not a number of type LONG");
  }
  assertEquals(parseValue("some.name", define({ type: "int" }), "+5"), 5);
});

Deno.test("A double is read as Java writes it", () => {
  fc.assert(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
      const read = parseValue("some.name", define({ type: "double" }), String(value));
      assertEquals(read, Number(String(value)));
    }),
  );
  assertEquals(parseValue("some.name", define({ type: "double" }), "2.147483647E9"), 2147483647);
  refuses(define({ type: "double" }), "half", "Not a number of type DOUBLE");
  refuses(define({ type: "double" }), "0x1", "Not a number of type DOUBLE");
});

Deno.test("A boolean is true or false in any case", () => {
  assertEquals(parseValue("some.name", define({ type: "boolean" }), "TRUE"), true);
  assertEquals(parseValue("some.name", define({ type: "boolean" }), " false "), false);
  refuses(define({ type: "boolean" }), "yes", "Expected value to be either true or false");
});

Deno.test("A range names the bound that a value breaks", () => {
  const definition = define({ type: "long", rule: { min: -1, max: 10 } });
  refuses(definition, "-2", "Value must be at least -1");
  refuses(definition, "11", "Value must be no more than 10");
  assertEquals(parseValue("some.name", definition, "-1"), -1);
});

Deno.test("A word must be one of the words, in any case where Kafka says so", () => {
  const words = { oneOf: ["PLAINTEXT", "SSL"] } as const;
  refuses(define({ rule: words }), "ssl", "String must be one of: PLAINTEXT, SSL");
  parseValue("some.name", define({ rule: { ...words, ignoreCase: true } }), "ssl");
});

Deno.test("A list has neither duplicates nor empty items nor strange words", () => {
  const definition = define({ type: "list", rule: { listOf: ["compact", "delete"] } });
  assertEquals(parseValue("some.name", definition, " compact , delete "), ["compact", "delete"]);
  assertEquals(parseValue("some.name", definition, ""), []);
  refuses(
    definition,
    "compact,compact",
    "Configuration 'some.name' values must not be duplicated.",
  );
  refuses(definition, "compact,,delete", "Configuration 'some.name' values must not be empty.");
  refuses(definition, "compact,shred", "String must be one of: compact, delete");
  const full = define({ type: "list", rule: { listOf: null, emptyAllowed: false } });
  refuses(full, "", "Configuration 'some.name' must not be empty.");
});

Deno.test("A gzip level is -1 or 1 to 9", () => {
  const definition = TOPIC_DEFINITIONS["compression.gzip.level"];
  for (const level of [-1, 1, 9]) parseValue("some.name", definition, String(level));
  for (const level of [-2, 0, 10]) {
    refuses(definition, String(level), "Value must be between 1 and 9 or equal to -1");
  }
});

Deno.test("A list of throttled replicas is * or partition:broker pairs", () => {
  const definition = TOPIC_DEFINITIONS["leader.replication.throttled.replicas"];
  for (const text of ["", "*", "0:1", "0:1,1:2"]) parseValue("some.name", definition, text);
  for (const text of ["*,0:1", "0", "0:x"]) {
    assertThrows(() => parseValue("some.name", definition, text), ConfigError, "partition:broker");
  }
});

Deno.test("A canonical text means the same as the text it came from", () => {
  const number = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
  fc.assert(fc.property(number, fc.boolean(), (value, plus) => {
    const text = `  ${plus && value >= 0n ? "+" : ""}${value} `;
    assertEquals(canonicalText(define({ type: "long" }), text), String(value));
  }));
  assertEquals(canonicalText(define({ type: "list" }), " a , b"), "a,b");
  assertEquals(canonicalText(define({ type: "boolean" }), "True"), "true");
  assertEquals(canonicalText(define({ type: "password" }), " secret "), " secret ");
});

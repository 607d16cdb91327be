/**
 * Which values of the right type are legal.
 *
 * Source: `ConfigDef.Range`, `ValidString`, `ValidList`, `NonEmptyString`, and `ThrottledReplicaListValidator` of Kafka.
 *
 * @module
 */
import type { ConfigRule, NamedRule } from "./definition.ts";
import { parseHostCounts } from "./host_counts.ts";
import type { ConfigValue } from "./value.ts";

/** What is wrong with a value, in Kafka's words; `null` when it is legal. */
export function checkRule(name: string, rule: ConfigRule, value: ConfigValue): string | null {
  if ("named" in rule) return NAMED_RULES[rule.named](value);
  if ("oneOf" in rule) return checkWord(rule.oneOf, value as string, rule.ignoreCase ?? false);
  if ("listOf" in rule) return checkList(name, rule, value as readonly string[]);
  return checkRange(rule.min, rule.max, value as number);
}

function checkRange(
  min: number | undefined,
  max: number | undefined,
  value: number,
): string | null {
  if (min !== undefined && value < min) return `Value must be at least ${min}`;
  if (max !== undefined && value > max) return `Value must be no more than ${max}`;
  return null;
}

function checkWord(words: readonly string[], value: string, ignoreCase: boolean): string | null {
  const found = ignoreCase
    ? words.some((word) => word.toLowerCase() === value.toLowerCase())
    : words.includes(value);
  return found ? null : `String must be one of: ${words.join(", ")}`;
}

function checkList(
  name: string,
  rule: { readonly listOf: readonly string[] | null; readonly emptyAllowed?: false },
  items: readonly string[],
): string | null {
  if (items.length === 0) {
    return rule.emptyAllowed === false ? `Configuration '${name}' must not be empty.` : null;
  }
  if (items.includes("")) return `Configuration '${name}' values must not be empty.`;
  if (new Set(items).size < items.length) {
    return `Configuration '${name}' values must not be duplicated.`;
  }
  const words = rule.listOf;
  const stranger = words && items.some((item) => !words.includes(item));
  return stranger ? `String must be one of: ${words.join(", ")}` : null;
}

const NAMED_RULES: Readonly<Record<NamedRule, (value: ConfigValue) => string | null>> = {
  "not empty": (value) => value === "" ? "String must be non-empty" : null,
  // A setting has a text or none at all; a missing one never gets here.
  "not null": () => null,
  "-1 or 1 to 9": (value) =>
    value === -1 || checkRange(1, 9, value as number) === null
      ? null
      : "Value must be between 1 and 9 or equal to -1",
  // Below zero is unlimited, all the same how far.
  "unlimited or at least 1": (value) =>
    value === 0 ? "Value must be unlimited (-1) or at least 1" : null,
  "throttled replicas": (value) =>
    everyItem(
      value,
      /^\d+:\d+$/,
      "Value must be the literal '*' or a list of replicas in the form partition:broker",
      "*",
    ),
  "host:port list": (value) =>
    everyItem(value, /^.+:\d{1,5}$/, "Every entry must be in the form host:port"),
  "id@host:port list": (value) =>
    everyItem(value, /^\d+@.+:\d{1,5}$/, "Every entry must be in the form id@host:port"),
  "host:number list": (value) => {
    const counts = parseHostCounts(value as string);
    return typeof counts === "string" ? counts : null;
  },
};

function everyItem(
  value: ConfigValue,
  form: RegExp,
  complaint: string,
  wholeValue?: string,
): string | null {
  const items = value as readonly string[];
  if (items.length === 1 && items[0] === wholeValue) return null;
  return items.every((item) => form.test(item)) ? null : complaint;
}

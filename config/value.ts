/**
 * From the text of a setting to its value, with Kafka's checks and Kafka's words for what is wrong.
 *
 * Source: `org.apache.kafka.common.config.ConfigDef`.
 *
 * @module
 */
import { ConfigError } from "./config_error.ts";
import type { ConfigDefinition, ConfigType } from "./definition.ts";
import { checkRule } from "./rules.ts";

/**
 * The value of a setting. A `long` is a number too: one beyond ±2^53 is rounded (its exact text is kept elsewhere), and
 * only ever means "no limit".
 */
export type ConfigValue = number | boolean | string | readonly string[];

/** The bounds of Java's whole numbers. */
const INTEGER_BITS: Readonly<Partial<Record<ConfigType, number>>> = {
  short: 16,
  int: 32,
  long: 64,
};

/**
 * The value that `text` stands for.
 *
 * @throws ConfigError when it is not of the setting's type or is out of its range.
 */
export function parseValue(name: string, definition: ConfigDefinition, text: string): ConfigValue {
  const value = parseType(name, definition.type, text);
  const complaint = definition.rule && checkRule(name, definition.rule, value);
  if (complaint) throw invalidValue(name, text, complaint);
  return value;
}

/** A legal text of a setting in the form in which DescribeConfigs shows it. */
export function canonicalText(definition: ConfigDefinition, text: string): string {
  switch (definition.type) {
    case "boolean":
      return text.trim().toLowerCase();
    case "short":
    case "int":
    case "long":
      return String(BigInt(text.trim()));
    case "list":
      return parseList(text).join(",");
    case "password":
      return text;
    default:
      return text.trim();
  }
}

/** The items of a list as text: parted by commas, without the blanks around them. */
export function parseList(text: string): readonly string[] {
  const trimmed = text.trim();
  return trimmed === "" ? [] : trimmed.split(",").map((item) => item.trim());
}

function parseType(name: string, type: ConfigType, text: string): ConfigValue {
  const trimmed = text.trim();
  switch (type) {
    case "boolean":
      return parseBoolean(name, trimmed);
    case "short":
    case "int":
    case "long":
      return parseInteger(name, type, trimmed);
    case "double":
      return parseDouble(name, trimmed);
    case "list":
      return parseList(trimmed);
    case "string":
    case "class":
      return trimmed;
    case "password":
      return text;
  }
}

function parseBoolean(name: string, text: string): boolean {
  const word = text.toLowerCase();
  if (word !== "true" && word !== "false") {
    throw invalidValue(name, text, "Expected value to be either true or false");
  }
  return word === "true";
}

function parseInteger(name: string, type: ConfigType, text: string): number {
  const bits = INTEGER_BITS[type]!;
  if (/^[+-]?\d{1,40}$/.test(text)) {
    const value = BigInt(text);
    if (BigInt.asIntN(bits, value) === value) return Number(value);
  }
  throw invalidValue(name, text, `Not a number of type ${type.toUpperCase()}`);
}

function parseDouble(name: string, text: string): number {
  const value = Number(text);
  if (/^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(text)) return value;
  throw invalidValue(name, text, "Not a number of type DOUBLE");
}

function invalidValue(name: string, text: string, complaint: string): ConfigError {
  return new ConfigError(`Invalid value ${text} for configuration ${name}: ${complaint}`);
}

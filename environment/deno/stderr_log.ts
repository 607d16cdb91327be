import type { LogLevel, LogSink } from "../environment.ts";

/** How log lines look. */
export interface StderrLogOptions {
  /** The mildest level that is written. Default `info`. */
  readonly level?: LogLevel;
  /** `text` for people, `json` for machines. Default `text`. */
  readonly format?: "text" | "json";
  /** Where lines go. Default: standard error. */
  readonly write?: (line: string) => void;
}

const SEVERITY: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warn: 2, error: 3 };

/**
 * Writes one line per event to standard error: `2026-11-22T12:00:00.000Z INFO  Topic created topic=orders partitions=3`.
 *
 * A sink of its own and no logging library: the choice of loggers, levels per category and their configuration are
 * process-wide state there, and an environment is an instance.
 */
export function stderrLog(options: StderrLogOptions = {}): LogSink {
  const { level: mildest = "info", format = "text", write = writeToStderr } = options;
  const formatted = format === "json" ? jsonLine : textLine;
  return {
    write(level, message, fields = {}) {
      if (SEVERITY[level] < SEVERITY[mildest]) return;
      write(formatted(new Date().toISOString(), level, message, fields));
    },
  };
}

type Fields = Readonly<Record<string, unknown>>;

function textLine(time: string, level: LogLevel, message: string, fields: Fields): string {
  let line = `${time} ${level.toUpperCase().padEnd(5)} ${printable(message)}`;
  for (const [name, value] of Object.entries(fields)) {
    if (value !== undefined) line += ` ${name}=${fieldText(plain(value))}`;
  }
  return line;
}

function jsonLine(time: string, level: LogLevel, message: string, fields: Fields): string {
  const plainFields = Object.entries(fields).map(([name, value]) => [name, plain(value)]);
  return JSON.stringify({ time, level, message, ...Object.fromEntries(plainFields) });
}

/** What JSON can hold; an error is told by its stack. */
function plain(value: unknown): unknown {
  if (typeof value === "bigint") return value.toString();
  if (value instanceof Error) return value.stack ?? `${value.name}: ${value.message}`;
  if (typeof value !== "object" || value === null) return value;
  try {
    return JSON.parse(JSON.stringify(value, (_key, inner) => {
      return typeof inner === "bigint" || inner instanceof Error ? plain(inner) : inner;
    }));
  } catch {
    return String(value); // it refers to itself
  }
}

function fieldText(value: unknown): string {
  if (typeof value !== "string") return JSON.stringify(value) ?? String(value);
  return /^[\w.:/@+,-]+$/.test(value) ? value : JSON.stringify(value);
}

/** Text that stays on its line, whatever a client has put into it. */
function printable(text: string): string {
  return text.replace(
    /[\p{Cc}\u2028\u2029]/gu,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** Synchronous: a line is out even if the process ends right after it. */
function writeToStderr(line: string): void {
  const bytes = new TextEncoder().encode(`${line}\n`);
  try {
    for (let written = 0; written < bytes.length;) {
      written += Deno.stderr.writeSync(bytes.subarray(written));
    }
  } catch {
    // nobody reads our log any more: no reason to stop serving
  }
}

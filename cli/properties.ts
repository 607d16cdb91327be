/**
 * Java's properties format, in which Kafka's `server.properties` is written.
 *
 * Source: the description of `java.util.Properties.load`.
 *
 * @module
 */

/** Kafka's files have some hundred lines; more than this is no settings file. */
const TEXT_CHARACTERS_MAX = 1 << 20;

const ESCAPES: Readonly<Record<string, string>> = { t: "\t", n: "\n", r: "\r", f: "\f" };

/**
 * The entries of a properties file, in the order in which they stand. A key that comes twice comes out twice.
 *
 * @throws SyntaxError on a `\u` without four hexadecimal digits, with the number of the line.
 * @throws RangeError when the text has more than a million characters.
 */
export function parseProperties(text: string): [key: string, value: string][] {
  if (text.length > TEXT_CHARACTERS_MAX) {
    throw new RangeError(`too large: ${text.length} characters, at most ${TEXT_CHARACTERS_MAX}`);
  }
  const entries: [string, string][] = [];
  for (const { line, number } of logicalLines(text)) {
    const [, key, value] = /^((?:[^\\=: \t\f]|\\.)*)[ \t\f]*[=:]?[ \t\f]*(.*)$/s.exec(line)!;
    entries.push([unescape(key, number), unescape(value, number)]);
  }
  return entries;
}

/** Lines without comments and leading blanks, joined where one ends with an odd number of backslashes. */
function* logicalLines(text: string): Iterable<{ line: string; number: number }> {
  let open = "";
  let start = 0;
  const lines = text.split(/\r\n|\r|\n/);
  for (const [index, raw] of lines.entries()) {
    const line = raw.replace(/^[ \t\f]+/, "");
    if (open === "") {
      if (line === "" || line.startsWith("#") || line.startsWith("!")) continue;
      start = index + 1;
    }
    const backslashes = /\\*$/.exec(line)![0].length;
    if (backslashes % 2 === 1 && index < lines.length - 1) {
      open += line.slice(0, -1);
      // An open line that is still empty must not let the next one pass for a comment.
      if (open === "") open = "\f";
      continue;
    }
    yield { line: (open + line).replace(/^\f+/, ""), number: start };
    open = "";
  }
  if (open !== "") yield { line: open.replace(/^\f+/, ""), number: start };
}

function unescape(text: string, lineNumber: number): string {
  return text.replace(/\\(u[0-9a-fA-F]{4}|.|$)/gs, (_, escaped: string) => {
    if (escaped.length === 5) return String.fromCharCode(parseInt(escaped.slice(1), 16));
    if (escaped === "u") {
      throw new SyntaxError(`line ${lineNumber}: \\u needs four hexadecimal digits`);
    }
    return ESCAPES[escaped] ?? escaped;
  });
}

import { ADAPTERS, DETERMINISTIC } from "./places.ts";
import { isIn, projectPath } from "./project_path.ts";
import { GlobalReferences } from "./references.ts";

const CLOCK = "use environment.clock";
const TIMERS = "use environment.timers";
const RANDOM = "use environment.random";
const NETWORK = "use environment.network";
const ADAPTER = "only adapters may: take it from the Environment, or pass it in";
const SYNCHRONOUS = "use the synchronous form: what finishes on another thread is not reproducible";
const COLLECTOR = "the garbage collector's timing is not reproducible: dispose explicitly";

/** Globals that must not be mentioned, and what to do instead. */
const GLOBALS: ReadonlyMap<string, string> = new Map(Object.entries({
  Deno: ADAPTER,
  process: ADAPTER,
  globalThis: ADAPTER,
  navigator: ADAPTER,
  localStorage: ADAPTER,
  Worker: ADAPTER,
  BroadcastChannel: ADAPTER,
  MessageChannel: ADAPTER,
  performance: CLOCK,
  setTimeout: TIMERS,
  setInterval: TIMERS,
  setImmediate: TIMERS,
  queueMicrotask: "as a delay it is none in virtual time; to defer work use environment.timers",
  crypto: RANDOM,
  console: "use environment.log",
  fetch: NETWORK,
  WebSocket: NETWORK,
  EventSource: NETWORK,
  CompressionStream: SYNCHRONOUS,
  DecompressionStream: SYNCHRONOUS,
  FinalizationRegistry: COLLECTOR,
  WeakRef: COLLECTOR,
}));

/** Members of otherwise harmless globals. */
const MEMBERS: ReadonlyMap<string, string> = new Map(Object.entries({
  "Date.now": CLOCK,
  "Temporal.Now": CLOCK,
  "Math.random": RANDOM,
  "AbortSignal.timeout": TIMERS,
  "Atomics.wait": SYNCHRONOUS,
  "Atomics.waitAsync": SYNCHRONOUS,
  "WebAssembly.compile": SYNCHRONOUS,
  "WebAssembly.instantiate": SYNCHRONOUS,
}));

/** The `node:` modules allowed, and which of their functions are pure. */
const NODE_MODULES: ReadonlyMap<string, RegExp> = new Map([
  ["node:zlib", /^(\w+Sync|constants|crc32)$/],
  ["node:crypto", /^(createHash|createHmac|hash|pbkdf2Sync|timingSafeEqual)$/],
  ["node:buffer", /./],
]);

/** Holds that everything but the adapters reaches the outside world through an `Environment`. */
export const environment: Deno.lint.Rule = {
  create(context) {
    const path = projectPath(context.filename);
    if (path === null || !isIn(path, DETERMINISTIC) || isIn(path, ADAPTERS)) return {};
    const forbid = (node: Deno.lint.Node, what: string, hint: string) =>
      context.report({ node, message: `${what} is forbidden here: ${hint}` });
    const globals = new GlobalReferences<() => void>();

    return {
      Identifier(node) {
        const mention = forbiddenMention(node);
        globals.visit(node, mention && (() => forbid(node, mention.what, mention.hint)));
      },
      "Program:exit"() {
        for (const report of globals.found()) report();
      },
      ImportExpression: (node) =>
        forbid(node, "import()", "loading a module takes real time: import it statically"),
      ImportDeclaration(node) {
        const module = node.source.value;
        if (node.importKind === "type" || !module.startsWith("node:")) return;
        const allowed = NODE_MODULES.get(module);
        if (!allowed) return forbid(node, module, ADAPTER);
        for (const specifier of node.specifiers) {
          const name = importedName(specifier);
          if (name === null) forbid(specifier, `all of ${module}`, "import functions by name");
          else if (!allowed.test(name)) forbid(specifier, `${name} of ${module}`, ADAPTER);
        }
      },
    };
  },
};

interface Mention {
  readonly what: string;
  readonly hint: string;
}

/** What is forbidden about the global that `node` would be if it were one. */
function forbiddenMention(node: Deno.lint.Identifier): Mention | undefined {
  const hint = GLOBALS.get(node.name);
  if (hint !== undefined) return { what: node.name, hint };
  if (node.name === "Date" && isClockReading(node)) {
    return { what: "the current Date", hint: CLOCK };
  }
  for (const member of membersTaken(node)) {
    const what = `${node.name}.${member}`;
    const memberHint = MEMBERS.get(what);
    if (memberHint !== undefined) return { what, hint: memberHint };
  }
}

/** Whether `node`, a mention of Date, stands in `Date()` or `new Date()`. */
function isClockReading({ parent, range }: Deno.lint.Identifier): boolean {
  if (parent.type === "NewExpression") return parent.arguments.length === 0;
  return parent.type === "CallExpression" && parent.callee.range[0] === range[0];
}

/** `["now"]` for the `Date` of `Date.now`, `Date["now"]` and `const { now } = Date`. */
function membersTaken({ parent, range }: Deno.lint.Identifier): string[] {
  if (parent.type === "MemberExpression" && parent.object.range[0] === range[0]) {
    const { property, computed } = parent;
    if (property.type === "Literal") return [String(property.value)];
    return !computed && property.type === "Identifier" ? [property.name] : [];
  }
  if (parent.type !== "VariableDeclarator" || parent.id.type !== "ObjectPattern") return [];
  return parent.id.properties.flatMap((property) =>
    property.type === "Property" && property.key.type === "Identifier" ? [property.key.name] : []
  );
}

type ImportSpecifiers = Deno.lint.ImportDeclaration["specifiers"][number];

/** The name as exported, or null when the whole module is imported. */
function importedName(specifier: ImportSpecifiers): string | null {
  if (specifier.type !== "ImportSpecifier") return null;
  const { imported } = specifier;
  return imported.type === "Identifier" ? imported.name : String(imported.value);
}

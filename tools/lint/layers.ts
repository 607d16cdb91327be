import { ADAPTERS } from "./places.ts";
import { importedPath, isIn, projectPath } from "./project_path.ts";

/** What each layer may import beside itself; see ARCHITECTURE.md. Files in no layer (tests, tools, bench) are free. */
const LAYERS: ReadonlyMap<string, readonly string[]> = new Map(Object.entries({
  "environment": [],
  "protocol": [],
  "config": ["protocol"],
  "storage": ["protocol", "config", "environment"],
  "actors": ["protocol", "config", "environment", "storage"],
  "server": ["protocol", "config", "environment", "storage", "actors"],
  "client": ["protocol", "environment"],
  "mod.ts": ["protocol", "config", "environment", "storage", "actors", "server", "client"],
  "testing": [
    "protocol",
    "config",
    "environment",
    "storage",
    "actors",
    "server",
    "client",
    "mod.ts",
  ],
  "cli": ["protocol", "config", "environment", "storage", "server", "client", "mod.ts"],
  "console": ["protocol", "environment", "client", "mod.ts"],
  "examples": ["protocol", "client", "mod.ts", "testing"],
}));

/** Layers that run in virtual time too, and so must not know an adapter. */
const CORE = ["protocol", "config", "storage", "actors", "server", "client", "environment"];

/** Packages that only tests, benchmarks and tools use. */
const TEST_PACKAGES = ["@std/assert", "fast-check", "kafkajs"];

/** Holds the direction of imports: `protocol ← config ← storage ← actors ← server ← mod.ts ← cli, testing`. */
export const layers: Deno.lint.Rule = {
  create(context) {
    const path = projectPath(context.filename);
    const layer = path?.split("/")[0] ?? "";
    const allowed = LAYERS.get(layer);
    if (path === null || allowed === undefined) return {};

    const check = (node: Deno.lint.Node, specifier: unknown) => {
      if (typeof specifier !== "string") return;
      const message = objection(path, layer, allowed, specifier);
      if (message !== null) context.report({ node, message });
    };
    return {
      ImportDeclaration: (node) => check(node.source, node.source.value),
      ExportAllDeclaration: (node) => check(node.source, node.source.value),
      ExportNamedDeclaration: (node) => node.source && check(node.source, node.source.value),
      ImportExpression: (node) =>
        node.source.type === "Literal" && check(node.source, node.source.value),
      TSImportType: (node) => {
        const { argument } = node;
        if (argument.type === "TSLiteralType" && argument.literal.type === "Literal") {
          check(node, argument.literal.value);
        }
      },
    };
  },
};

/** Why `path` must not import `specifier`, or null if it may. */
function objection(
  path: string,
  layer: string,
  allowed: readonly string[],
  specifier: string,
): string | null {
  if (TEST_PACKAGES.some((name) => specifier === name || specifier.startsWith(`${name}/`))) {
    return layer === "examples" ? null : `"${specifier}" is for tests only`;
  }
  const target = importedPath(path, specifier);
  if (target === null || target === "deno.json") return null;
  const targetLayer = target.split("/")[0];
  if (targetLayer !== layer && !allowed.includes(targetLayer)) {
    const may = allowed.length === 0 ? "nothing but itself" : `only ${allowed.join(", ")}`;
    return `${layer} must not import ${targetLayer} (it may import ${may})`;
  }
  if (CORE.includes(layer) && isIn(target, ADAPTERS) && !isIn(path, ADAPTERS)) {
    return `${layer} must not import the adapter ${target}: it is passed in by mod.ts`;
  }
  return null;
}

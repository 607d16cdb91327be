import plugin from "../../../tools/lint/odradek.ts";

const ROOT = decodeURIComponent(new URL("../../../", import.meta.url).pathname);

/** The messages that rule `rule` has for `source`, were it the file `path` of the project. */
export function lint(rule: string, path: string, source: string): string[] {
  return Deno.lint.runPlugin(plugin, ROOT + path, source)
    .filter(({ id }) => id === `odradek/${rule}`)
    .map(({ message }) => message);
}

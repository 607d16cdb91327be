/** Folder of the project, with a slash at its end. */
const ROOT = decodeURIComponent(new URL("../../", import.meta.url).pathname);

/** A file's path below the project's root, or null when it lies outside. */
export function projectPath(filename: string): string | null {
  const path = filename.startsWith("file:")
    ? decodeURIComponent(new URL(filename).pathname)
    : filename;
  return path.startsWith(ROOT) ? path.slice(ROOT.length) : null;
}

/** The project path that a relative import leads to; null for packages, `node:` modules and URLs. */
export function importedPath(importer: string, specifier: string): string | null {
  if (!specifier.startsWith("./") && !specifier.startsWith("../")) return null;
  return projectPath(
    decodeURIComponent(new URL(specifier, new URL(importer, `file://${ROOT}`)).pathname),
  );
}

/** Whether `path` is one of `places`: files by their name, folders (and all below) by a slash at the end. */
export function isIn(path: string, places: readonly string[]): boolean {
  return places.some((place) => place.endsWith("/") ? path.startsWith(place) : path === place);
}

/**
 * The project's own lint rules.
 *
 * - `odradek/layers`: the direction of imports;
 * - `odradek/environment`: the outside world is reached through an `Environment` only;
 * - `odradek/module-state`: no module-level variables.
 *
 * @module
 */
import { environment } from "./environment.ts";
import { layers } from "./layers.ts";
import { moduleState } from "./module_state.ts";

const plugin: Deno.lint.Plugin = {
  name: "odradek",
  rules: { layers, environment, "module-state": moduleState },
};

export default plugin;

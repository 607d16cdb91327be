import { ADAPTERS, DETERMINISTIC } from "./places.ts";
import { isIn, projectPath } from "./project_path.ts";

/** Holds that modules have no variables: two brokers in one process must not meet in one. */
export const moduleState: Deno.lint.Rule = {
  create(context) {
    const path = projectPath(context.filename);
    if (path === null || !isIn(path, DETERMINISTIC) || isIn(path, ADAPTERS)) return {};
    return {
      VariableDeclaration(node) {
        const parent: Deno.lint.Node = node.parent;
        if (node.kind !== "let" && node.kind !== "var") return;
        if (parent.type !== "Program" && parent.type !== "ExportNamedDeclaration") return;
        context.report({ node, message: "Module-level variable: state belongs to an instance" });
      },
    };
  },
};

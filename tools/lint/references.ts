/** What an identifier does where it stands. */
export type Role =
  /** It reads or writes a variable, or names a type. */
  | "reference"
  /** It introduces a variable, a parameter or a type. */
  | "declaration"
  /** It is the name of a property, a method, a label, … */
  | "name";

/**
 * Finds mentions of globals in one file. The linter knows no scopes, so a name that the file declares anywhere counts as
 * its own everywhere in it.
 */
export class GlobalReferences<Finding> {
  readonly #declared = new Set<string>();
  readonly #found = new Map<string, { readonly name: string; readonly finding: Finding }>();

  /** Notes what `node` declares, and remembers `finding`, if any, in case it refers to a global. */
  visit(node: Deno.lint.Identifier, finding: Finding | undefined): void {
    const role = roleOf(node);
    if (role === "declaration") this.#declared.add(node.name);
    if (role === "reference" && finding !== undefined) {
      this.#found.set(node.range.join(), { name: node.name, finding });
    }
  }

  /** After the whole file: the findings at references to what the file does not declare. */
  *found(): Generator<Finding> {
    for (const { name, finding } of this.#found.values()) {
      if (!this.#declared.has(name)) yield finding;
    }
  }
}

/** Nodes whose every direct identifier is a declaration: names of functions and types, parameters, imports. */
const DECLARING: ReadonlySet<string> = new Set([
  "ArrayPattern",
  "CatchClause",
  "FunctionDeclaration",
  "FunctionExpression",
  "ImportDefaultSpecifier",
  "ImportNamespaceSpecifier",
  "ImportSpecifier",
  "RestElement",
  "TSCallSignatureDeclaration",
  "TSConstructorType",
  "TSDeclareFunction",
  "TSEmptyBodyFunctionExpression",
  "TSEnumDeclaration",
  "TSFunctionType",
  "TSIndexSignature",
  "TSInterfaceDeclaration",
  "TSNamedTupleMember",
  "TSParameterProperty",
  "TSTypeAliasDeclaration",
  "TSTypeParameter",
]);

/** What an identifier does where it stands. */
export function roleOf(node: Deno.lint.Identifier): Role {
  const parent: Deno.lint.Node = node.parent;
  switch (parent.type) {
    case "MemberExpression":
      return !parent.computed && same(parent.property, node) ? "name" : "reference";
    case "Property":
      if (parent.parent.type === "ObjectPattern") {
        if (parent.computed && same(parent.key, node)) return "reference";
        return same(parent.value, node) ? "declaration" : "name";
      }
      return !parent.shorthand && !parent.computed && same(parent.key, node) ? "name" : "reference";
    case "MethodDefinition":
    case "PropertyDefinition":
    case "TSPropertySignature":
    case "TSAbstractPropertyDefinition":
    case "TSAbstractMethodDefinition":
      return !parent.computed && same(parent.key, node) ? "name" : "reference";
    case "TSMethodSignature":
      return same(parent.key, node) ? "name" : "declaration";
    case "VariableDeclarator":
    case "TSEnumMember":
      return same(parent.id, node) ? "declaration" : "reference";
    case "AssignmentPattern":
      return same(parent.left, node) ? "declaration" : "reference";
    case "ArrowFunctionExpression":
      return same(parent.body, node) ? "reference" : "declaration";
    case "ClassDeclaration":
    case "ClassExpression":
      return parent.superClass !== null && same(parent.superClass, node)
        ? "reference"
        : "declaration";
    case "TSQualifiedName":
      return same(parent.left, node) ? "reference" : "name";
    case "ExportSpecifier":
    case "LabeledStatement":
    case "BreakStatement":
    case "ContinueStatement":
    case "TSTypePredicate":
    case "MetaProperty":
      return "name";
    default:
      return DECLARING.has(parent.type) ? "declaration" : "reference";
  }
}

/** The linter makes node objects on demand: two of the same place are not the same object. */
function same(left: Deno.lint.Node | null, right: Deno.lint.Node): boolean {
  return left !== null && left.range[0] === right.range[0] && left.range[1] === right.range[1];
}

/**
 * Draws the state machines, as Mermaid, into `docs/diagrams/`.
 *
 * Usage: deno run --allow-write=docs/diagrams tools/generate/diagrams.ts
 *
 * @module
 */
import { groupMachine } from "../../actors/group/group_machine.ts";
import { transactionMachine } from "../../actors/transaction/transaction_machine.ts";

/** A machine, as far as it is drawn. */
interface Machine {
  readonly id: string;
  readonly root: StateNode;
}

interface StateNode {
  readonly key: string;
  readonly type: string;
  readonly initial: { readonly target?: readonly StateNode[] };
  readonly states: Readonly<Record<string, StateNode>>;
  readonly always?: readonly Transition[];
  readonly transitions: ReadonlyMap<string, readonly Transition[]>;
}

interface Transition {
  readonly guard?: unknown;
  readonly target?: readonly StateNode[];
  readonly actions: readonly unknown[];
}

const drawn: readonly {
  readonly file: string;
  readonly title: string;
  readonly machine: Machine;
}[] = [
  {
    file: "docs/diagrams/group.md",
    title: "The rebalance of a classic group",
    machine: groupMachine as unknown as Machine,
  },
  {
    file: "docs/diagrams/transaction.md",
    title: "The life of a transactional id",
    machine: transactionMachine as unknown as Machine,
  },
];

/** Every diagram, by its path. */
export function diagrams(): ReadonlyMap<string, string> {
  return new Map(drawn.map(({ file, title, machine }) => [file, page(title, machine)]));
}

function page(title: string, { id, root }: Machine): string {
  const states = Object.values(root.states);
  const initial = root.initial.target?.[0].key ?? states[0].key;
  const lines = [
    "stateDiagram-v2",
    `  [*] --> ${initial}`,
    ...states.flatMap((state) => arrows(state)),
    ...states.filter(({ type }) => type === "final").map(({ key }) => `  ${key} --> [*]`),
  ];
  return `# ${title}

Drawn by \`tools/generate/diagrams.ts\` from the machine \`${id}\`; do not edit. An arrow is \`event [guard]\`; what happens
inside a state, without leaving it, is listed below.

\`\`\`mermaid
${lines.join("\n")}
\`\`\`

| state | event | guard | actions |
| --- | --- | --- | --- |
${states.flatMap((state) => stays(state)).join("\n")}
`;
}

function arrows(state: StateNode): string[] {
  const labels = new Map<string, string[]>();
  for (const [event, transition] of transitionsOf(state)) {
    const target = transition.target?.[0].key;
    if (target === undefined || target === state.key) continue;
    const label = `${event}${guardOf(transition) && ` [${guardOf(transition)}]`}`;
    labels.set(target, [...labels.get(target) ?? [], label]);
  }
  return [...labels].map(([target, all]) => `  ${state.key} --> ${target}: ${all.join("<br/>")}`);
}

function stays(state: StateNode): string[] {
  return [...transitionsOf(state)].filter(([, { target }]) => target === undefined).map(
    ([event, transition]) => {
      const actions = transition.actions.map(nameOf).join(", ");
      return `| ${state.key} | ${event} | ${guardOf(transition)} | ${actions} |`;
    },
  );
}

function* transitionsOf(state: StateNode): Iterable<readonly [event: string, Transition]> {
  for (const transition of state.always ?? []) yield ["always", transition];
  for (const [event, transitions] of state.transitions) {
    for (const transition of transitions) yield [event, transition];
  }
}

function guardOf({ guard }: Transition): string {
  return guard === undefined ? "" : nameOf(guard);
}

function nameOf(named: unknown): string {
  if (typeof named === "string") return named;
  return (named as { readonly type: string }).type;
}

if (import.meta.main) {
  for (const [file, text] of diagrams()) {
    await Deno.mkdir(file.slice(0, file.lastIndexOf("/")), { recursive: true });
    await Deno.writeTextFile(file, text);
  }
}

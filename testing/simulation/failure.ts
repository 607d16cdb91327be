/** A simulation went wrong: says when, why, what happened before, and how to see it again. */
export class SimulationError extends Error {
  /** Always so. */
  override readonly name = "SimulationError";
  /** The message has it all. */
  constructor(
    reason: string,
    readonly seed: string,
    details: { readonly replay: string; readonly timeline: readonly string[] },
    options?: ErrorOptions,
  ) {
    super(
      [
        `Seed ${seed}: ${reason}`,
        ...details.timeline.map((line) => `  ${line}`),
        `Replay: ${details.replay}`,
      ].join("\n"),
      options,
    );
  }
}

/** One step of an order: which tokens come now. Counts are equal across the batch. */
export interface Step {
  readonly index: number;
  readonly of: number;
  /** Tokens of each row still missing before and after this step. */
  readonly before: number;
  readonly after: number;
  /** Batch-major, ascending within a row: B times l positions. */
  readonly positions_Bl: Int32Array;
}

/** What a plan keeps of a step. */
export interface Chosen {
  /** The step with the kept positions alone. */
  readonly step: Step;
  /** Places of the kept tokens among those sampled, [B, l] batch-major: indices into `step.positions_Bl` as it was. */
  readonly slots_Bl: Int32Array;
}

/** The order of one request: made by `Order.open`, never shared between requests. */
export interface Plan {
  /** Asked for one by one: the next step may depend on what was chosen. */
  steps(): Iterable<Step>;
  /** Orders by confidence keep some of what was sampled; the others leave this out. */
  choose?(step: Step, sampled: { readonly confidence_Bl?: Float32Array }): Chosen;
  dispose(): void;
}

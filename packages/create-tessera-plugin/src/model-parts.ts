interface PartEntry {
  readonly plugin: string;
  readonly config: object;
}

/** Section `model` of a recipe, as it is written here. The command `tessera train` checks all of it. */
export interface ModelParts {
  readonly tokenizer: PartEntry;
  readonly order: PartEntry;
  readonly backbone: PartEntry;
  readonly head: PartEntry;
  /** Left out: the classes of the backbone. */
  readonly condition?: PartEntry;
  readonly defaults: object;
}

/** Of the transformers of a small model. */
export const layers = { depth: 1, width: 16, heads: 2 };

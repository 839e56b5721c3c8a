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
  readonly defaults: object;
}

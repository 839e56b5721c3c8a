/** An event as a subscriber got it, or as the log holds it at the end. */
export interface SeenEvent {
  readonly seq: number;
  readonly kind: string;
  /** Of `step` events. */
  readonly index?: number;
  readonly of?: number;
  /** Everything else that it says, as text: all who see the event must see the same. */
  readonly content: string;
}

/** What one client asked for, and what it was told. */
export interface Asked {
  /** Its idempotency key: it was sent again with this key until there was an answer. */
  readonly key: string;
  readonly model: string;
  readonly seed: number;
  /** Image i shows class i modulo 10. */
  readonly images: number;
  /** Ids that answers have named; more than one is a fault. */
  readonly accepted: readonly string[];
  /** True where an answer said that the cancel was taken. */
  readonly canceled: boolean;
}

/** Events that one subscriber saw of one generation, over all of its connections, in the order in which they came. */
export interface Stream {
  readonly subscriber: string;
  readonly id: string;
  readonly events: readonly SeenEvent[];
}

/** A generation at the end, from the log. */
export interface Final {
  readonly id: string;
  readonly state: string;
  readonly events: readonly SeenEvent[];
  /** SHA-256 of the picture files that were read at the end, in order; null for a file that is missing. */
  readonly images: readonly (string | null)[];
}

export interface History {
  readonly asked: readonly Asked[];
  readonly streams: readonly Stream[];
  readonly finals: readonly Final[];
  /** SHA-256 of the pictures that the model draws alone and undisturbed, by `referenceKey`. */
  readonly references: ReadonlyMap<string, string>;
}

/** Which image a picture is: `label` of its class. */
export function referenceKey(model: string, seed: number, label: number): string {
  return `${model} ${seed} ${label}`;
}

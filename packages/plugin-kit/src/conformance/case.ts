import { setTimeout as sleep } from 'node:timers/promises';
import { TesseraError } from '@tessera/errors';
import type { AnyPlugin } from '@tessera/core';

/** The properties that parts must have, in the words of a failure. The keys are stable: reports are compared by them. */
export const properties = {
  contract: 'a plug-in of a contract that this Tessera speaks',
  config: 'a configuration that is read the same again after a turn through JSON',
  shapes: 'answers of the shapes and types of the contract',
  determinism: 'the same bits again from the same seed',
  batch: 'the same numbers for an image alone as in a batch',
  chance: 'random numbers of their own for every row, position and step',
  guidance: 'guidance of weight 1 to be no guidance, and of another weight to be some',
  pull: 'guidance u + w (c - u): w times as far from the null class as the class is',
  agreement: 'no change where the predictions with and without condition agree',
  choices: 'the same chances where all scores of a choice are raised together',
  steps: 'the same course over the steps, be they few or many',
  mixture: 'predictions that are mixed as the guidance says, image by image',
  learning: 'samples that show what was taught',
  described: 'a description of the distributions that tokens were drawn from',
  temperature: 'tokens that vary more the higher the temperature is',
  confidence: 'confidence that tells the likely from the unlikely',
  options: 'options of which each matters, within all of its range',
  causality: 'no influence of tokens that are not yet written',
  context: 'hidden states that depend on what is written, on its place and on the class',
  cache: 'the same hidden states step by step as all at once',
  loss: 'a finite and differentiable loss that falls on a toy set',
  targets: "a loss of each token that its own target and hidden state move, and no other token's",
  weights: 'weights of which each matters, and of which the newest count',
  leaks: 'no tensor left behind',
  abort: 'an end within one step after an abort',
  dispose: 'a dispose that frees all but the weights, and a second one that does nothing',
  coverage: 'every token once, in steps that agree with their own numbers',
  visit: 'training in an order in which sampling goes too',
  kept: 'kept tokens that stay',
  reads: 'a canvas that gives back what was written and what is kept',
  codes: 'indices within the vocabulary, and their entries of the codebook as values',
  mask: 'a mask that keeps its own places',
  orientation: 'tokens and pixels that lie where their layout says',
  pictures: 'pictures that come back as themselves, each in its own row',
  configs: 'the same care under other configurations',
  inputs: 'inputs that are refused or embedded, and of which each matters',
  sizes: 'the same care for other sizes of pictures, by the same weights',
  own: 'what its author says of it',
} as const;

export type Property = keyof typeof properties;

/** One check of a plug-in: `for (const { name, run } of cases(plugin)) it(name, run)`, whatever the test framework. */
export interface Case {
  /** Stable, and each once in a plug-in: `head/determinism/onnx`. Reports are compared by it. */
  readonly id: string;
  readonly name: string;
  readonly property: Property;
  /** The target of the engine that it runs on; null where that does not matter. */
  readonly on: string | null;
  /** @throws TesseraError `part-conformance`, which names plug-in and property */
  run(): Promise<void>;
}

/** A check returns what it found instead, or null where the property holds. */
export type Check = () => Promise<string | null>;

export interface CaseOf {
  readonly plugin: AnyPlugin;
  readonly property: Property;
  readonly on: string | null;
  /** Of the author's own cases, which are several of one property. */
  readonly title?: string;
  /** Milliseconds after which it fails. */
  readonly limit: number;
}

export function caseOf({ plugin: { name, kind }, property, on, title, limit }: CaseOf, check: Check): Case {
  const where = on === null ? '' : ` on ${on}`;
  return {
    id: [kind, property, ...(title === undefined ? [] : [slug(title)]), ...(on === null ? [] : [on])].join('/'),
    name: `${name}: ${title ?? properties[property]} (${property}${where})`,
    property,
    on,
    run: async () => {
      const late = `no end after ${limit / 1000} s: something never answers, or is slow`;
      const found = await within(limit, late, check).catch((error: unknown) =>
        failure(name, { property, where }, error),
      );
      if (found !== null) throw failed(name, { property, where, found });
    },
  };
}

/** A title as a part of an id: `two-steps-even-cells-first`. */
export const slug = (title: string): string =>
  title
    .toLowerCase()
    .match(/[\p{L}\p{N}]+/gu)!
    .join('-');

/** The result, or `late` after `limit` milliseconds. Code that blocks the thread delays this. */
export async function within<T>(limit: number, late: T, run: () => Promise<T>): Promise<T> {
  const stop = new AbortController();
  const waited = sleep(limit, late, { signal: stop.signal }).catch(() => late);
  return Promise.race([run(), waited]).finally(() => stop.abort());
}

interface Failure {
  readonly property: Property;
  readonly where: string;
}

/** The error of a guard becomes a part of the sentence, without its advice: that is for users, this for the author. */
function failure(name: string, place: Failure, error: unknown): never {
  throw failed(name, { ...place, found: wordsOf(error), cause: error });
}

/** An error as a part of a sentence. */
export function wordsOf(error: unknown): string {
  if (error instanceof TesseraError) return `${error.parts.got} (due: ${error.parts.expected})`;
  return error instanceof Error ? error.message : String(error);
}

function failed(
  who: string,
  { property, where, found, cause }: Failure & { found: string; cause?: unknown },
): TesseraError {
  return new TesseraError({
    code: 'part-conformance',
    who,
    got: `${found}${where}`,
    expected: `${properties[property]} (property ${property})`,
    ...(cause !== undefined && { cause }),
  });
}

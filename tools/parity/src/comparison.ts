import type { Tensor } from '@tensorflow/tfjs';
import type { Engine } from '@tessera/engine';
import { type CaseFile, tensorOf } from './case-file.ts';
import { toChannelsFirst, type Computed } from './case-tensors.ts';
import type { Tolerance } from './tolerance.ts';

interface Expected extends Computed {
  readonly name: string;
}

/** The largest error of a tensor as a share of what is allowed: above 1 the tensor fails. */
export interface Verdict {
  readonly name: string;
  readonly share: number;
  /** Why it fails; undefined when it passes. */
  readonly failure?: string;
}

/** Compares element by element. `tolerance` may differ per element. */
export function compare(
  expected: Expected,
  computed: Computed,
  tolerance: Tolerance | ((index: number) => Tolerance),
): Verdict {
  const { name } = expected;
  if (computed.shape.join() !== expected.shape.join()) {
    const failure = `${name}: shape [${computed.shape.join(', ')}]; expected [${expected.shape.join(', ')}]`;
    return { name, share: Infinity, failure };
  }
  const allowedAt = typeof tolerance === 'function' ? tolerance : () => tolerance;
  let share = 0;
  let worst = 0;
  for (let i = 0; i < expected.data.length; i++) {
    const here = shareOf(computed.data[i]!, expected.data[i]!, allowedAt(i));
    if (here > share) [share, worst] = [here, i];
  }
  if (share <= 1) return { name, share };
  const failure = `${name}[${position(worst, expected.shape)}] is ${computed.data[worst]}; expected ${expected.data[worst]}`;
  return { name, share, failure };
}

function shareOf(computed: number, expected: number, { absolute, relative }: Tolerance): number {
  if (computed === expected) return 0;
  if (!Number.isFinite(computed) || !Number.isFinite(expected)) return Infinity;
  const allowed = absolute + relative * Math.abs(expected);
  return allowed === 0 ? Infinity : Math.abs(computed - expected) / allowed;
}

function position(index: number, shape: readonly number[]): string {
  const places: number[] = [];
  for (const size of [...shape].reverse()) {
    places.unshift(index % size);
    index = Math.floor(index / size);
  }
  return places.join(', ');
}

/** Collects the comparisons of one case file, and remembers which expected tensors were not compared. */
export class Checks {
  readonly #file: CaseFile;
  readonly #expects: (name: string) => boolean;
  readonly #verdicts = new Map<string, Verdict>();

  constructor(file: CaseFile, expects: (name: string) => boolean = isExpected) {
    this.#file = file;
    this.#expects = expects;
  }

  /** @throws TesseraError `case-tensor-missing` when the file does not expect this tensor. */
  check(name: string, computed: Computed, tolerance: Tolerance | ((index: number) => Tolerance)): void {
    this.#note(compare({ name, ...tensorOf(this.#file, name) }, computed, tolerance));
  }

  /** Compares with what follows from an expected tensor, besides that tensor itself. */
  checkView(name: string, both: { expected: Computed; computed: Computed }, tolerance: Tolerance): void {
    this.#note(compare({ name, ...both.expected }, both.computed, tolerance));
  }

  /** Compares and disposes a tensor. An NHWC image is turned into the file's NCHW when `channelsFirst` is set. */
  async checkTensor(
    name: string,
    tensor: Tensor,
    how: { tolerance: Tolerance; channelsFirst?: boolean },
  ): Promise<void> {
    const read = { data: await tensor.data<'float32'>(), shape: tensor.shape };
    tensor.dispose();
    this.check(name, how.channelsFirst ? toChannelsFirst(read) : read, how.tolerance);
  }

  /** Compares a scalar. */
  checkNumber(name: string, value: number, tolerance: Tolerance): void {
    this.check(name, { data: [value], shape: tensorOf(this.#file, name).shape }, tolerance);
  }

  has(name: string): boolean {
    return this.#file.tensors.has(name);
  }

  /** Of several comparisons of one tensor the worst counts. */
  #note(verdict: Verdict): void {
    const before = this.#verdicts.get(verdict.name);
    if (!before || verdict.share > before.share) this.#verdicts.set(verdict.name, verdict);
  }

  /** Every verdict, and a failure each that lists the expected tensors which were left out, and those that were not read. */
  finish(): Verdict[] {
    const forgotten = [...this.#file.tensors.keys()].filter((name) => this.#expects(name) && !this.#verdicts.has(name));
    const verdicts = [...this.#verdicts.values()];
    const unread = this.#file.tensors.unread().filter((name) => !forgotten.includes(name));
    return [...verdicts, ...leftOut('not compared', forgotten), ...leftOut('not read', unread)];
  }
}

function leftOut(how: string, names: readonly string[]): Verdict[] {
  const [name] = names;
  return name === undefined ? [] : [{ name, share: Infinity, failure: `${how}: ${names.join(', ')}` }];
}

/** Whether a tensor of a case file holds a result: `out.*`, `grad.*`, `grad_full.*`, `grad_prog.*`, `2.out.*`. */
function isExpected(name: string): boolean {
  return /^(\d+\.)?(out|grad[a-z_]*)\./.test(name);
}

/** Compares one list of a table. */
export function same(
  name: string,
  { expected, found, tolerance }: { expected: readonly number[]; found: readonly number[]; tolerance: Tolerance },
): Verdict {
  const shaped = { name, data: expected, shape: [expected.length] };
  return compare(shaped, { data: found, shape: [found.length] }, tolerance);
}

/** Sections of a table that no function here answers for. */
export function leftOver(content: object, known: readonly string[]): Verdict[] {
  const left = Object.keys(content).filter((section) => !known.includes(section));
  return left.map((name) => ({ name, share: Infinity, failure: `not compared: ${name}` }));
}

/** Computes what a case of one kind expects. */
export interface CaseRunner {
  /** The metadata's `kind`. */
  readonly kind: string;
  /** Whether a tensor of its files is a result; left out: by its name, see `isExpected`. */
  readonly expects?: (name: string) => boolean;
  run(file: CaseFile, tools: { readonly checks: Checks; readonly engine: Engine }): Promise<void>;
}

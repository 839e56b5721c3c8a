import type { Tensor } from '@tensorflow/tfjs';
import { toChannelsFirst } from './axes.ts';
import { tensorOf, type CaseFile } from './case-file.ts';
import { compare, type Computed, type Verdict } from './comparison.ts';
import type { Tolerance } from './tolerance.ts';

/** Collects the comparisons of one case file, and remembers which expected tensors nobody compared. */
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
export function isExpected(name: string): boolean {
  return /^(\d+\.)?(out|grad[a-z_]*)\./.test(name);
}

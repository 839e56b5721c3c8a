import type { Tensor } from '@tensorflow/tfjs';

/** Something that is released once. A second call does nothing. */
export interface Held {
  dispose(): void;
}

/** Disposes all of them, also where one throws. @throws the first of their errors, after the last was disposed */
export function disposeAll(held: readonly Held[]): void {
  const errors: unknown[] = [];
  for (const one of held) {
    try {
      one.dispose();
    } catch (error) {
      errors.push(error);
    }
  }
  if (errors.length > 0) throw errors[0];
}

/** Runs, and disposes all of them in any case. @throws the error of the run, or else the first of theirs */
export async function thenDispose<T>(held: () => readonly Held[], run: () => Promise<T>): Promise<T> {
  let result: T;
  try {
    result = await run();
  } catch (error) {
    throw disposedAfter(error, held());
  }
  disposeAll(held());
  return result;
}

/** The same after an error, which is given back: what cannot be disposed must not hide it. */
export function disposedAfter(error: unknown, held: readonly Held[]): unknown {
  try {
    disposeAll(held);
  } catch {
    // The first error says why everything ends.
  }
  return error;
}

/** The tensors of an answer or an argument: itself, what it holds, and what that holds (`Sampled.tokens`, `TrainBatch.cut`). */
export function tensorsOf(value: unknown, depth = 2): Tensor[] {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return [];
  if (isTensor(value)) return [value];
  return depth === 0 ? [] : Object.values(value).flatMap((held) => tensorsOf(held, depth - 1));
}

export function isTensor(value: unknown): value is Tensor {
  return typeof (value as Tensor | null | undefined)?.dataSync === 'function';
}

/** What is released together: the tensors of a step, or all that a generation opened. */
export class Holding implements Held {
  readonly #held: Held[] = [];

  /** Takes over the tensors of an answer. */
  keep<T extends object>(answer: T): T {
    this.#held.push(...tensorsOf(answer));
    return answer;
  }

  /** Takes over something that is open; what was opened last is released first. */
  open<T extends Held>(opened: T): T {
    this.#held.unshift(opened);
    return opened;
  }

  dispose(): void {
    disposeAll(this.#held.splice(0));
  }
}

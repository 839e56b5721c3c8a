import type { Tensor } from '@tensorflow/tfjs';

/** Something that must be disposed. A second call does nothing. */
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

/** Runs, then disposes all of them, also after an error. @throws the error of the run, or else the first of theirs */
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

/** Disposes all of them after an error and returns that error: an error of `dispose` must not hide it. */
export function disposedAfter(error: unknown, held: readonly Held[]): unknown {
  try {
    disposeAll(held);
  } catch {
    // The first error says why everything ends.
  }
  return error;
}

/** The tensors of a result or an argument: itself, its members, and their members (`Sampled.tokens`, `TrainBatch.cut`). */
export function tensorsOf(value: unknown, depth = 2): Tensor[] {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return [];
  if (isTensor(value)) return [value];
  return depth === 0 ? [] : Object.values(value).flatMap((held) => tensorsOf(held, depth - 1));
}

export function isTensor(value: unknown): value is Tensor {
  return typeof (value as Tensor | null | undefined)?.dataSync === 'function';
}

/** Things that are disposed together: the tensors of a step, or all that a generation opened. */
export class Holding implements Held {
  readonly #held: Held[] = [];

  /** Takes over the tensors of a result. */
  keep<T extends object>(answer: T): T {
    this.#held.push(...tensorsOf(answer));
    return answer;
  }

  /** Takes over something that was opened; the last is disposed first. */
  open<T extends Held>(opened: T): T {
    this.#held.unshift(opened);
    return opened;
  }

  dispose(): void {
    disposeAll(this.#held.splice(0));
  }
}

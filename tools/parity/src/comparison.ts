import type { Tolerance } from './tolerance.ts';

/** What a runner computed, in the case file's own layout. */
export interface Computed {
  readonly data: ArrayLike<number>;
  readonly shape: readonly number[];
}

export interface Expected extends Computed {
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

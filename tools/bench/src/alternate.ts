import type { Figures, Side } from './side.ts';
import { median } from './statistics.ts';

export interface Measured {
  readonly runtime: string;
  /** Medians over the measured runs; for peak memory the largest. */
  readonly figures: Figures;
  /** Every measured run, in order. */
  readonly runs: readonly Figures[];
}

export interface Rounds {
  /** Measured runs of each side. */
  readonly rounds: number;
  /** Whether a round before them is not counted; sides that warm up by themselves need none. */
  readonly warmUp: boolean;
}

/** Runs the sides in turn, A B A B, so that other work on the machine meets both alike. */
export async function alternate(
  sides: readonly Side[],
  { rounds, warmUp }: Rounds,
  seen: (side: Side, figures: Figures) => void,
): Promise<Measured[]> {
  const runs = sides.map((): Figures[] => []);
  for (let round = warmUp ? 0 : 1; round <= rounds; round++) {
    for (const [i, side] of sides.entries()) {
      const figures = await side.run();
      if (round === 0) continue;
      runs[i]!.push(figures);
      seen(side, figures);
    }
  }
  return sides.map(({ runtime }, i) => ({ runtime, figures: summarise(runs[i]!), runs: runs[i]! }));
}

function summarise(runs: readonly Figures[]): Figures {
  const names = Object.keys(runs[0]!);
  return Object.fromEntries(
    names.map((name) => {
      const values = runs.map((figures) => figures[name]!);
      return [name, name === 'peakMemory' ? Math.max(...values) : median(values)];
    }),
  );
}

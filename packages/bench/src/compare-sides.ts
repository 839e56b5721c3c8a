import { alternate, type Measured } from './alternate.ts';
import type { BenchArguments } from './bench-arguments.ts';
import type { Print } from './benchmark-run.ts';
import { seconds } from './format.ts';
import { startOwnSide, startTorchSide, type Side } from './side.ts';

export interface Comparison {
  readonly ours: Measured;
  /** Null when PyTorch was left out. */
  readonly torch: Measured | null;
  /** Our time over PyTorch's; null without it. */
  readonly ratio: number | null;
}

export interface SideSettings {
  /** File names without their ending: `sides/NAME.ts` and `torch/NAME.py`. */
  readonly name: { readonly ours: string; readonly torch: string };
  readonly ours: object;
  readonly torch: object;
  /** False where the sides warm up by themselves. */
  readonly warmUp?: boolean;
}

/** Starts both sides, runs them in turn, and ends them whatever happens. */
export async function compareSides(
  request: BenchArguments,
  { name, ours, torch, warmUp = true }: SideSettings,
  print: Print,
): Promise<Comparison> {
  const { python, images, threads } = request;
  const sides: Side[] = [];
  try {
    sides.push(await startOwnSide(name.ours, { ...ours, threads }));
    if (python !== null) sides.push(await startTorchSide(python, name.torch, { ...torch, threads }));
    const measured = await alternate(sides, { rounds: images, warmUp }, ({ runtime }, figures) =>
      print(`  ${runtime}: ${seconds(figures['total']!)}`),
    );
    const [own, other = null] = measured as [Measured, Measured?];
    return { ours: own, torch: other, ratio: other && own.figures['total']! / other.figures['total']! };
  } finally {
    await Promise.all(sides.map((side) => side.end()));
  }
}

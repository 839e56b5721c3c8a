import type { EngineOptions } from '@tessera/targets';
import { alternate, type Measured } from './alternate.ts';
import type { BenchArguments } from './bench-arguments.ts';
import type { Print } from './benchmark-run.ts';
import { seconds } from './format.ts';
import type { Job } from './job.ts';
import { startOwnSide, startTorchSide, type Side } from './side.ts';

export interface Comparison {
  readonly ours: Measured;
  /** Null when PyTorch was left out. */
  readonly torch: Measured | null;
  /** Our time over PyTorch's; null without it. */
  readonly ratio: number | null;
}

/** Where our side runs; PyTorch gets as many threads. */
export type SideEngine = Omit<EngineOptions, 'threads'>;

/** Runs a job on the default target and on PyTorch, in turn. */
export async function compareSides(request: BenchArguments, job: Job, print: Print): Promise<Comparison> {
  const { ours, torch } = await measureSides(request, { job, engines: [{}] }, print);
  return { ours: ours[0]!, torch, ratio: torch && ours[0]!.figures['total']! / torch.figures['total']! };
}

/** Starts a side for every engine, and PyTorch's, runs them in turn, and ends them whatever happens. */
export async function measureSides(
  request: BenchArguments,
  { job, engines }: { readonly job: Job; readonly engines: readonly SideEngine[] },
  print: Print,
): Promise<{ readonly ours: readonly Measured[]; readonly torch: Measured | null }> {
  const { python, images, threads } = request;
  const { name, ours, torch, warmUp = true } = job;
  const sides: Side[] = [];
  try {
    for (const engine of engines) {
      sides.push(await startOwnSide(name.ours, { ...ours, engine: { ...engine, threads } }));
    }
    if (python !== null) sides.push(await startTorchSide(python, name.torch, { ...torch, threads }));
    const measured = await alternate(sides, { rounds: images, warmUp }, ({ runtime }, figures) =>
      print(`  ${runtime}: ${seconds(figures['total']!)}`),
    );
    return { ours: measured.slice(0, engines.length), torch: measured[engines.length] ?? null };
  } finally {
    await Promise.all(sides.map((side) => side.end()));
  }
}

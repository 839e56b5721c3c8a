import { performance } from 'node:perf_hooks';
import { type Model, openModel } from '@tessera/models';
import type { ModelRequest } from '@tessera/request';
import { createEngine } from '@tessera/targets';
import type { BenchmarkRun } from './arguments.ts';
import { markdownTable } from './format.ts';
import { jobs } from './jobs.ts';
import { median } from './measure.ts';

/** The first guides every step; the last, none. */
const shares = [1, 0.9, 0.8, 0.7, 0.5, 0];

/** Time of an image of VAR-d16 that is guided in the first steps alone; each share in its turn. */
export const benchGuidanceUntil: BenchmarkRun = async ({ images, threads, precision }, print) => {
  const { title, ours } = await jobs['var-d16']();
  const { folder, request } = ours as { readonly folder: string; readonly request: ModelRequest };
  const engine = createEngine({ threads, precision });
  const model = await openModel(folder, { engine });
  try {
    print(title);
    const seconds = shares.map((): number[] => []);
    for (let round = 0; round <= images; round++) {
      for (const [i, guidanceUntil] of shares.entries()) {
        const taken = await timeOf(model, { ...request, options: { ...request.options, guidanceUntil } });
        if (round > 0) seconds[i]!.push(taken); // the first warms up
      }
      if (round > 0) print(`  ${round} images of each`);
    }
    const medians = seconds.map(median);
    const rows = shares.map((share, i) => [
      `guidanceUntil=${share}`,
      medians[i]!.toFixed(2),
      (medians[i]! / medians[0]!).toFixed(2),
    ]);
    print(`${engine.why}, ${threads} threads, ${precision}\n`);
    print(markdownTable([['option', 'seconds an image', 'of all steps guided'], ...rows]));
    return { shares, seconds: medians };
  } finally {
    model.dispose();
    engine.dispose();
  }
};

async function timeOf(model: Model, request: ModelRequest): Promise<number> {
  const start = performance.now();
  for await (const event of model.generate({ ...request, seed: 1, preview: 'none' })) void event;
  return (performance.now() - start) / 1000;
}

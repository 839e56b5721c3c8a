import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Interval, intervalOf } from '@tessera/evaluation';
import { readManifest } from '@tessera/models';
import type { LoadedRecipe } from '../recipe/recipe.ts';
import { completeRecipe } from './complete-recipe.ts';
import { digestsOf } from './provenance.ts';
import { openRecipeData } from './recipe-data.ts';
import { runRecipe } from './run-recipe.ts';
import type { RunRequest } from './training-run.ts';
import { fingerprint } from './weight-files.ts';

interface BatchRequest extends Omit<RunRequest, 'loaded'> {
  readonly recipes: readonly LoadedRecipe[];
  /** Every recipe is run with each of them; null runs it once, with its own. */
  readonly seeds: readonly number[] | null;
}

/** The figures of one recipe, over its seeds. */
interface BatchRow {
  readonly name: string;
  readonly seeds: readonly number[];
  /** By name, those that every seed has. */
  readonly metrics: Readonly<Record<string, Interval>>;
}

export interface BatchResult {
  /** False if the signal stopped it. The same call then continues where it stopped. */
  readonly finished: boolean;
  /** Recipes of which at least one seed is finished. */
  readonly rows: readonly BatchRow[];
}

interface Planned {
  readonly loaded: LoadedRecipe;
  readonly out: string;
}

/**
 * Runs recipes one after the other, each in a folder of its name in `out` (`NAME-seed-S` with seeds). Those that are
 * finished are left as they are, if recipe and images are still the same, and one that was interrupted is continued.
 * @throws TesseraError what `runRecipe` throws
 */
export async function runBatch({ recipes, seeds, out, ...request }: BatchRequest): Promise<BatchResult> {
  const rows: BatchRow[] = [];
  for (const loaded of recipes) {
    const results: { readonly seed: number; readonly metrics: Readonly<Record<string, number>> }[] = [];
    for (const planned of runsOf(loaded, { seeds, out })) {
      const metrics = await runOnce(planned, request);
      if (metrics) results.push({ seed: planned.loaded.recipe.seed, metrics });
    }
    if (results.length > 0) rows.push(rowOf(loaded.recipe.name, results));
    if (request.signal.aborted) break;
  }
  await mkdir(out, { recursive: true });
  await writeFile(join(out, 'batch.json'), `${JSON.stringify(rows, null, 2)}\n`);
  return { finished: !request.signal.aborted, rows };
}

function runsOf(loaded: LoadedRecipe, { seeds, out }: Pick<BatchRequest, 'seeds' | 'out'>): Planned[] {
  const { recipe } = loaded;
  if (!seeds) return [{ loaded, out: join(out, recipe.name) }];
  return seeds.map((seed) => ({
    loaded: { ...loaded, recipe: { ...recipe, seed } },
    out: join(out, `${recipe.name}-seed-${seed}`),
  }));
}

/** The figures of a run, from its model if it is finished already. Null if the signal stopped it. */
async function runOnce(
  { loaded, out }: Planned,
  request: Omit<BatchRequest, 'recipes' | 'seeds' | 'out'>,
): Promise<Readonly<Record<string, number>> | null> {
  const path = join(out, 'finished.json');
  const madeOf = await inputsOf(loaded, request);
  const marked = await readFile(path, 'utf8').catch(() => null);
  const mark = marked === null ? null : (JSON.parse(marked) as { madeOf: string; metrics?: Record<string, number> });
  if (mark?.madeOf === madeOf) {
    request.stream.write(`${loaded.recipe.name} is finished: ${out}\n`);
    return mark.metrics ?? (await readManifest(join(out, 'model'))).metrics ?? {};
  }
  if (request.signal.aborted) return null;
  await rm(path, { force: true });
  request.stream.write(`${loaded.recipe.name}, seed ${loaded.recipe.seed}: ${out}\n`);
  const { finished, model, metrics } = await runRecipe({ ...request, loaded, out });
  if (!finished) return null;
  // The figures of a model are in its manifest, and may be measured again there.
  await writeFile(path, `${JSON.stringify(model ? { madeOf } : { madeOf, metrics })}\n`);
  return metrics;
}

/** A digest of all that a run depends on. */
async function inputsOf(loaded: LoadedRecipe, { plugins }: Pick<BatchRequest, 'plugins'>): Promise<string> {
  const data = await openRecipeData(loaded, { networks: plugins?.networks });
  const { loaded: whole, start } = await completeRecipe(loaded, data, plugins);
  return fingerprint(whole.recipe, await digestsOf(data, start), await data.test.digest());
}

function rowOf(
  name: string,
  results: readonly { readonly seed: number; readonly metrics: Readonly<Record<string, number>> }[],
): BatchRow {
  const names = Object.keys(results[0]!.metrics).filter((metric) => results.every(({ metrics }) => metric in metrics));
  const entries = names.map((metric) => [metric, intervalOf(results.map(({ metrics }) => metrics[metric]!))] as const);
  return { name, seeds: results.map(({ seed }) => seed), metrics: Object.fromEntries(entries) };
}

import type { JudgeNetwork } from '@tessera/features';
import { evaluateReconstruction, type ReconstructionFigures } from '../evaluation/evaluate.ts';
import type { RecipeParts } from './recipe-parts.ts';
import { openTokenizerFile } from './tokenizer-run.ts';
import type { TrainingRun } from './training-run.ts';
import type { WeightFile } from './weight-files.ts';

const SEED = 1;

/** Figures of the reconstructions of test images by a tokenizer alone, under the names that they have for a whole model. */
export async function measureTokenizer(
  { recipe, engine, data }: Pick<TrainingRun, 'recipe' | 'engine' | 'data'>,
  parts: RecipeParts,
  { judge, file }: { readonly judge: JudgeNetwork; readonly file: WeightFile },
): Promise<Record<string, number>> {
  const { tokenizer, dispose } = await openTokenizerFile(engine, parts, {
    path: file.path,
    config: parts.facts.configs.tokenizer,
  });
  try {
    const request = { engine, tokenizer, judge, data };
    const figures = await evaluateReconstruction(request, { images: recipe.evaluation.samples, seed: SEED });
    return reconstructionMetrics(figures);
  } finally {
    dispose();
  }
}

/** The figures of reconstructions among those of a model: `reconstructionPsnr`. */
export function reconstructionMetrics(figures: ReconstructionFigures): Record<string, number> {
  const entries = Object.entries(figures).filter(([name]) => name !== 'images');
  return Object.fromEntries(
    entries.map(([name, value]) => [`reconstruction${name[0]!.toUpperCase()}${name.slice(1)}`, value as number]),
  );
}

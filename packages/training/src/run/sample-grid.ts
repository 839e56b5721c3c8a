import type { Model } from '@tessera/models';
import { generateSamples } from '../evaluation/generate-samples.ts';
import { writeGrid } from '../report/picture.ts';

const COLUMNS = 10;
const ROWS = 5;
/** In a grid of ten classes or more. */
export const GRID_IMAGES = COLUMNS * ROWS;

/** Draws a grid of samples at the model's default settings, one class a column. */
export async function drawSampleGrid(model: Model, path: string): Promise<void> {
  const columns = Math.min(COLUMNS, model.manifest.classes.length);
  const labels = Array.from({ length: columns * ROWS }, (_, n) => n % columns);
  await writeGrid(path, await generateSamples(model, { labels, seed: 0, batch: labels.length }), { columns });
}

import { createEngine } from '@tessera/engine';
import { openModel } from '@tessera/models';
import type { Figures } from '../side.ts';
import { serveSide, sideSettings } from './serve-side.ts';

interface Settings {
  readonly folder: string;
  readonly threads: number;
  readonly label: number;
  readonly cfg: number;
  readonly topK: number;
  readonly topP: number;
}

const { folder, threads, label, cfg, topK, topP } = sideSettings<Settings>();
const engine = createEngine({ target: 'onnx', threads });
const model = await openModel(folder, { engine });
let seed = 0;

await serveSide(`Tessera (${engine.target})`, oneImage);
model.dispose();
engine.dispose();

/** One image by the public `generate`; seconds. */
async function oneImage(): Promise<Figures> {
  const start = performance.now();
  const since = (): number => (performance.now() - start) / 1000;
  let first = 0;
  let drawn = 0;
  const request = { labels: [label], seed: seed++, guidance: cfg, options: { topK, topP }, preview: 'none' } as const;
  for await (const event of model.generate(request)) {
    if (event.type === 'image') break;
    drawn = since();
    if (event.step.index === 0) first = drawn;
  }
  const total = since();
  return { total, transformer: drawn, decoder: total - drawn, first };
}

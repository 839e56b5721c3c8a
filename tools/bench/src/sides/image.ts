import { openModel } from '@tessera/models';
import type { ModelRequest } from '@tessera/request';
import { createEngine, type EngineOptions } from '@tessera/targets';
import type { Figures } from '../measure.ts';
import { serveSide, sideSettings } from './serve-side.ts';

interface Settings {
  readonly folder: string;
  readonly engine: EngineOptions;
  readonly request: Omit<ModelRequest, 'seed'>;
  /** Steps of a first image that is not measured, where whole ones are long; 0: none. */
  readonly warmUp: number;
}

const { folder, engine: options, request, warmUp } = sideSettings<Settings>();
const engine = createEngine(options);
const model = await openModel(folder, { engine });
let seed = 0;

if (warmUp > 0) await oneImage({ steps: warmUp });
const reduced = model.precision === 'float32' ? '' : ` ${model.precision}`;
await serveSide(`Tessera (${engine.target})${reduced}`, () => oneImage({}));
model.dispose();
engine.dispose();

/** One image by the public `generate`; seconds. */
async function oneImage(changes: ModelRequest['options']): Promise<Figures> {
  const start = performance.now();
  const since = (): number => (performance.now() - start) / 1000;
  let first = 0;
  let drawn = 0;
  const options = { ...request.options, ...changes };
  for await (const event of model.generate({ ...request, options, seed: seed++, preview: 'none' })) {
    if (event.type === 'image') break;
    drawn = since();
    if (event.step.index === 0) first = drawn;
  }
  const total = since();
  return { total, tokens: drawn, decoder: total - drawn, first };
}

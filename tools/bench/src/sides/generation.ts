import { openModel } from '@tessera/models';
import type { ModelRequest } from '@tessera/request';
import { createEngine } from '@tessera/targets';
import type { Figures } from '../measure.ts';
import { serveSide, sideSettings } from './serve-side.ts';

interface Settings {
  readonly folder: string;
  readonly threads: number;
  readonly request: ModelRequest;
}

const { folder, threads, request } = sideSettings<Settings>();
const engine = createEngine({ threads });
const model = await openModel(folder, { engine });

await serveSide(`plain generate (${engine.target})`, generate);
model.dispose();
engine.dispose();

/** Every event of one generation by the public `generate`; seconds. */
async function generate(): Promise<Figures> {
  const start = performance.now();
  let first = 0;
  for await (const event of model.generate(request)) {
    if (event.type === 'step' && event.step.index === 0) first = (performance.now() - start) / 1000;
  }
  return { total: (performance.now() - start) / 1000, first };
}

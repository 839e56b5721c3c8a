import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { createEngine } from '@tessera/targets';
import { writeCompositions } from './compositions.ts';
import { openDigitsGround } from './digits-ground.ts';
import { STEPS } from './page.ts';

const { values } = parseArgs({
  options: {
    fresh: { type: 'boolean', default: false },
    steps: { type: 'string', default: String(STEPS) },
    docs: { type: 'string', default: 'docs' },
    models: { type: 'string', default: 'models' },
  },
});
const engine = createEngine({ threads: 1 });
const folder = resolve('runs/compositions');
const ground = await openDigitsGround({
  engine,
  models: resolve(values.models),
  folder,
  steps: Number(values.steps),
  note: (sentence) => console.log(sentence),
});
const [docs, fresh] = [resolve(values.docs), values.fresh];
const print = (line: string): void => {
  if (process.stderr.isTTY) process.stderr.write('\r\u001b[2K'); // the line stands where the bar was
  console.log(line);
};
await writeCompositions({ ground, docs, folder, fresh, stream: process.stderr, print });
ground.dispose();
engine.dispose();

import { fileURLToPath } from 'node:url';
import { openModel } from '@tessera/models';
import { imagesOfClasses, type GenerationRequest } from '@tessera/request';
import { createEngine } from '@tessera/targets';
import { startHost } from '../src/index.ts';

/* What the host adds to a model that runs in this process: npx tsx --conditions=@tessera/source packages/host/bench/overhead.ts [rounds] [images] */

const [rounds = 40, images = 1] = process.argv.slice(2).map(Number);
const root = (name: string) => fileURLToPath(new URL(`../../../models/${name}`, import.meta.url));
const names = ['digits-var', 'digits-mar', 'digits-mar-categorical', 'digits-var-diffusion'];
const engine = createEngine({ target: 'onnx', threads: 1 });
const host = await startHost({ modelFolders: names.map(root), target: 'onnx', threads: 1 });

function median(values: readonly number[]): number {
  return [...values].sort((one, other) => one - other)[Math.floor(values.length / 2)]!;
}

for (const name of names) {
  const model = await openModel(root(name), { engine });
  for (const preview of ['none', 'linear', 'decoded'] as const) {
    const request: GenerationRequest = {
      model: name,
      images: imagesOfClasses(Array.from({ length: images }, (_, i) => i % 10)),
      seed: 1,
      preview,
    };
    const plain: number[] = [];
    const hosted: number[] = [];
    const inModel: number[] = [];
    let steps = 0;
    for (let round = 0; round < rounds + 3; round++) {
      let before = performance.now();
      steps = 0;
      for await (const event of model.generate(request)) if (event.type === 'step') steps++;
      const alone = performance.now() - before;
      before = performance.now();
      let timed = 0;
      for await (const event of host.generate(request)) if (event.type === 'completed') timed = event.timings.total;
      const through = performance.now() - before;
      if (round < 3) continue;
      plain.push(alone);
      hosted.push(through);
      inModel.push(timed);
    }
    const added = hosted.map((one, i) => one - plain[i]!);
    const outside = hosted.map((one, i) => one - inModel[i]!);
    const shown = (values: readonly number[]) => median(values).toFixed(2).padStart(8);
    console.log(
      `${name.padEnd(24)} ${preview.padEnd(8)} ${steps} steps  plain ${shown(plain)} ms  host ${shown(hosted)} ms  ` +
        `added ${shown(added)} ms  outside the model's time ${shown(outside)} ms`,
    );
  }
  model.dispose();
}
await host.dispose();
engine.dispose();

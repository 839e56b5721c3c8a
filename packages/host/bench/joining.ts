import { fileURLToPath } from 'node:url';
import { imagesOfClasses, type GenerationRequest } from '@tessera/request';
import { startHost, type BatchMember } from '../src/index.ts';

/* One request of many images against as many requests of one: npx tsx --conditions=@tessera/source packages/host/bench/joining.ts [images] [rounds] */

const [images = 64, rounds = 5] = process.argv.slice(2).map(Number);
const names = ['digits-var', 'digits-mar', 'digits-mar-categorical', 'digits-var-diffusion'];
const folders = names.map((name) => fileURLToPath(new URL(`../../../models/${name}`, import.meta.url)));
const host = await startHost({ modelFolders: folders });

function memberOf(model: string, count: number, seed: number): BatchMember {
  const labels = Array.from({ length: count }, (_, i) => (seed + i) % 10);
  const request: GenerationRequest = { model, images: imagesOfClasses(labels), seed };
  return { id: String(seed), request: host.check(request), written: [] };
}

/** `late`: all but the first join when the first step has been told. */
async function timeOf(members: readonly BatchMember[], late: boolean): Promise<number> {
  const before = performance.now();
  const run = host.runBatch(late ? members.slice(0, 1) : members);
  let joined = !late;
  for await (const { event } of run.events) {
    if (event.type === 'failed') throw new Error(event.message);
    if (joined || event.type !== 'step') continue;
    joined = true;
    run.join(members.slice(1));
  }
  return performance.now() - before;
}

const median = (values: readonly number[]) => [...values].sort((one, other) => one - other)[values.length >> 1]!;

for (const model of names) {
  const many = Array.from({ length: images }, (_, seed) => memberOf(model, 1, seed));
  const times: [number[], number[], number[]] = [[], [], []];
  for (let round = 0; round <= rounds; round++) {
    const one = await timeOf([memberOf(model, images, 0)], false);
    const together = await timeOf(many, false);
    const joining = await timeOf(many, true);
    if (round > 0) [one, together, joining].forEach((time, i) => times[i]!.push(time));
  }
  const [one, together, joining] = times.map(median) as [number, number, number];
  console.log(
    `${model.padEnd(24)} one of ${images}: ${one.toFixed(0)} ms  ${images} of one: ${(together / one).toFixed(2)} times  ` +
      `joining after the first step: ${(joining / one).toFixed(2)} times`,
  );
}
await host.dispose();

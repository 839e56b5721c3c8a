import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createEngine } from '@tessera/targets';
import { openModel, type Model } from '@tessera/models';
import { imagesOfClasses, type GenerationRequest } from '@tessera/request';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Batch } from './batch.ts';
import type { HostEvent, JobEvent } from './protocol.ts';
import { writeRandomModel } from './testing/write-random-model.ts';

const folder = mkdtempSync(join(tmpdir(), 'tessera-batches-'));
const engine = createEngine({ target: 'onnx' });
let model: Model;

beforeAll(async () => {
  await writeRandomModel(folder, { name: 'sets', width: 32, depth: 1, channels: 1, step: 'set' });
  model = await openModel(folder, { engine });
});
afterAll(() => {
  model.dispose();
  engine.dispose();
  rmSync(folder, { recursive: true });
});

const request: GenerationRequest = {
  model: 'sets',
  images: imagesOfClasses([0, 1, 2, 3, 4]),
  seed: 7,
  options: { steps: 4 },
  preview: 'decoded',
};
type Step = Extract<HostEvent, { type: 'step' }>;

async function run(batchBytes: number, written: readonly Uint8Array[] = []) {
  const told: JobEvent[] = [];
  const batch = new Batch({ model, batchBytes, tell: async (events) => void told.push(...(await events)) });
  batch.add([{ key: 1, request: model.check(request), written, files: {} }]);
  await batch.run();
  const events = told.map(({ event }) => event);
  const steps = events.filter((event): event is Step => event.type === 'step');
  const images = events.flatMap((event) => (event.type === 'image' ? [[event.index, event.png] as const] : []));
  return { events, steps, images, last: events.at(-1)! };
}

describe('a request of more images than fit into memory', () => {
  it('is made in parts: the same bytes, steps counted through, every image told about in its own part', async () => {
    const [whole, parts] = [await run(100 * model.imageBytes), await run(2.5 * model.imageBytes)];
    expect(parts.images).toEqual(whole.images);
    expect(parts.images.map(([index]) => index)).toEqual([0, 1, 2, 3, 4]);
    expect(whole.steps.map(({ index, of }) => [index, of])).toEqual([0, 1, 2, 3].map((index) => [index, 4]));
    expect(parts.steps.map(({ index, of }) => [index, of])).toEqual(Array.from({ length: 12 }, (_, i) => [i, 12]));
    for (const { index, positions, previews } of parts.steps) {
      const own = [0, 1, 2, 3, 4].filter((image) => Math.floor(image / 2) === Math.floor(index / 4));
      const step = whole.steps[index % 4]!;
      for (const image of [0, 1, 2, 3, 4]) {
        expect(positions[image]).toEqual(own.includes(image) ? step.positions[image] : []);
        expect(previews![image]).toEqual(own.includes(image) ? step.previews![image] : null);
      }
    }
    expect(parts.last).toMatchObject({ type: 'completed', timings: { steps: { length: 12 }, images: { length: 5 } } });
  });

  it('goes on after any step, also where less memory is left', async () => {
    const whole = await run(2.5 * model.imageBytes);
    const tokens = whole.steps.map((step) => step.tokens);
    for (const count of [1, 4, 6, 12]) {
      const rest = await run(count === 6 ? 1 : 2.5 * model.imageBytes, tokens.slice(0, count));
      expect(rest.events[0]).toEqual({ type: 'restarted', fromStep: count });
      expect(rest.steps.map(({ index, of }) => [index, of])).toEqual(
        whole.steps.slice(count).map(({ index, of }) => [index, of]),
      );
      expect(rest.images).toEqual(whole.images);
    }
  });

  it('is made one by one where not even one image is thought to fit', async () => {
    expect((await run(1)).steps.at(-1)).toMatchObject({ index: 19, of: 20 });
  });
});

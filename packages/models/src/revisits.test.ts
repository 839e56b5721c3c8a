import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomSetsOrder, type OrderPlugin, type Written } from '@tessera/core';
import type { Engine } from '@tessera/engine';
import { imagesOfClasses, type ModelRequest } from '@tessera/request';
import { createEngine } from '@tessera/targets';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeSmallMar } from '../fixtures/small-mar.ts';
import type { Model } from './model.ts';
import { openModel } from './model-folder.ts';

/* Orders that draw tokens again, with a whole model. */

const sets = randomSetsOrder as OrderPlugin;

/** Random sets, and then the first of them again. */
const againOrder: OrderPlugin = {
  ...sets,
  ...{ contract: 2, name: '@test/again', revisits: true },
  build: (config) => ({
    ...sets.build(config),
    open: (layout, request) => {
      const plan = sets.build(config).open(layout, request);
      return {
        ...plan,
        *steps() {
          const steps = [...plan.steps()];
          const of = steps.length + 1;
          for (const step of steps) yield { ...step, of };
          const { positions_Bl } = steps[0]!;
          const before = positions_Bl.length / request.rows.length;
          yield { index: of - 1, of, before, after: 0, positions_Bl, again_Ba: positions_Bl.slice() };
        },
      };
    },
  }),
};

let root: string;
let engine: Engine;
let plain: Model;
let again: Model;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'tessera-again-'));
  const [one, other] = [join(root, 'plain'), join(root, 'again')];
  await writeSmallMar(one);
  await cp(one, other, { recursive: true });
  const manifest = JSON.parse(await readFile(join(other, 'model.json'), 'utf8')) as object;
  await writeFile(
    join(other, 'model.json'),
    JSON.stringify({ ...manifest, order: { plugin: '@test/again', config: {} } }),
  );
  engine = createEngine();
  plain = await openModel(one, { engine });
  again = await openModel(other, { engine, plugins: { orders: [againOrder] } });
});
afterAll(async () => {
  plain.dispose();
  again.dispose();
  engine.dispose();
  await rm(root, { recursive: true });
});

async function make(model: Model, request: ModelRequest, written: readonly Written[] = []) {
  const steps: { positions: number[]; written: Written }[] = [];
  const images: Float32Array[] = [];
  for await (const event of model.generate({ preview: 'none', ...request }, { written })) {
    if (event.type === 'image') images.push(event.pixels.data);
    else steps.push({ positions: [...event.step.positions_Bl], written: event.written });
  }
  return { steps, images };
}

const request: ModelRequest = { images: imagesOfClasses([1, 2, 3]), seed: 7 };

describe('an order that draws tokens again', () => {
  it('changes those alone, by what it sees of the others', async () => {
    const [before, after] = [await make(plain, request), await make(again, request)];
    const first = after.steps[0]!;
    const last = after.steps.at(-1)!;
    expect(after.steps.map(({ positions }) => positions).slice(0, -1)).toEqual(
      before.steps.map(({ positions }) => positions),
    );
    expect(last.positions).toEqual(first.positions);
    expect(last.written.values).not.toEqual(first.written.values);
    for (const [row, image] of after.images.entries()) expect(image).not.toEqual(before.images[row]);
  });

  it('makes the same image alone, and goes on from any step', async () => {
    const all = await make(again, request);
    const alone = await make(again, { images: imagesOfClasses([2]), seed: 8 });
    expect(alone.images[0]).toEqual(all.images[1]);
    for (const count of [1, all.steps.length - 1, all.steps.length]) {
      const written = all.steps.slice(0, count).map((step) => step.written);
      expect((await make(again, request, written)).images).toEqual(all.images);
    }
  });
});

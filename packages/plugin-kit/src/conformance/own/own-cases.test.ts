import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { rasterOrder, type AnyPlugin, type OrderPlugin } from '@tessera/core';
import { afterAll, describe, expect, it } from 'vitest';
import { codeTokenizer } from '../../../fixtures/code-tokenizer.ts';
import { lineBackbone } from '../../../fixtures/line-backbone.ts';
import { meanBackbone } from '../../../fixtures/mean-backbone.ts';
import { pixelTokenizer } from '../../../fixtures/pixel-tokenizer.ts';
import { defineHead } from '../../define/define.ts';
import { schema, tensorFrom } from '../../index.ts';
import { cases, readConformance, type CasesOptions } from '../index.ts';

/** What the author's cases of a part say, by id: null where they hold. */
async function says(plugin: AnyPlugin, own: readonly unknown[], options: CasesOptions = {}) {
  const found = cases(plugin, { targets: ['eager'], ...options, own }).filter(({ property }) => property === 'own');
  const ended = found.map(async ({ id, run }) => {
    const message = await run().then(
      () => null,
      (error: Error) => error.message,
    );
    return [id, message] as const;
  });
  return Object.fromEntries(await Promise.all(ended)) as Readonly<Record<string, string | null>>;
}

describe('cases that an author writes', () => {
  it('of an order: maps in, positions out', async () => {
    const order = rasterOrder as OrderPlugin;
    const steps = [[0], [1], [2], [3]];
    const maps = [[2, 2]];
    expect(
      await says(order, [
        { name: 'Row by row', maps, steps, visit: { keys: [0.3, 0.2, 0.1, 0], positions: [0, 1, 2, 3] } },
        { name: 'backwards', maps, steps: [...steps].reverse() },
        { name: 'nothing', maps },
      ]),
    ).toEqual({
      'order/own/row-by-row': null,
      'order/own/backwards': expect.stringContaining(
        'got the steps [[0],[1],[2],[3]], where [[3],[2],[1],[0]] are due',
      ),
      'order/own/nothing': expect.stringContaining('neither steps nor visit'),
    });
  });

  it('of a head: weights and hidden states in, tokens out', async () => {
    const head = defineHead({
      contract: 1,
      name: '@test/sum',
      space: 'continuous',
      config: schema.object({}),
      options: () => schema.object({}),
      build: (_, { space: { channels: C } }, { weights }) => {
        const factor = weights.param('factor', [1], { init: { kind: 'zeros' }, decay: false });
        return {
          loss: () => {
            throw new Error('not asked for');
          },
          sample: async ({ values_RlD }, { rows, weight }) => {
            const hidden = await values_RlD.array();
            const own = (row: number, i: number): number => hidden[row]![i]!.reduce((sum, one) => sum + one, 0);
            const pulled = (row: number, i: number): number =>
              hidden.length === rows.length
                ? own(row, i)
                : own(row + rows.length, i) + weight * (own(row, i) - own(row + rows.length, i));
            const [by] = await factor.data();
            const tokens = rows.flatMap((__, row) =>
              hidden[row]!.flatMap((___, i) => Array.from({ length: C }, () => by! * pulled(row, i))),
            );
            const shape: [number, number, number] = [rows.length, hidden[0]!.length, C];
            return { tokens: { values_BlC: tensorFrom(Float32Array.from(tokens), shape) as never } };
          },
          dispose: () => undefined,
        };
      },
    });
    const hidden = [[1, 2], [3, 4]]; // prettier-ignore
    const said = await says(
      head,
      [
        { name: 'sums', weights: { factor: [2] }, hidden, values: [[6], [14]] },
        { name: 'guided', weights: { factor: [1] }, hidden, blind: [[0, 0], [1, 0]], weight: 2, values: [[6], [13]] }, // prettier-ignore
        { name: 'wrong', weights: { factor: [1] }, hidden, values: [[3], [8]] },
        { name: 'no such weight', weights: { scale: [1] }, hidden, values: [[3], [7]] },
      ],
      { space: { kind: 'continuous', channels: 1 } },
    );
    expect(said).toEqual({
      'head/own/sums/eager': null,
      'head/own/guided/eager': null,
      'head/own/wrong/eager': expect.stringContaining('got values with 7 at 1, where 8 is due on eager'),
      'head/own/no-such-weight/eager': expect.stringContaining('weights of scale, where it has factor'),
    });
  });

  it('of a tokenizer: a picture in, tokens and a picture out', async () => {
    const picture = Array.from({ length: 16 }, (_, i) => i / 16);
    const opened = await says(pixelTokenizer as AnyPlugin, [
      { name: 'too small', picture: [0, 1], values: [[0]] },
      { name: 'wrong', picture, shown: picture.map(() => 0.5) },
    ]);
    expect(opened['tokenizer/own/too-small/eager']).toMatch(/a picture of 2 numbers, where images have \d+/);
    expect(opened['tokenizer/own/wrong/eager']).toMatch(/pixels with|a picture of 16 numbers/);
    expect(codeTokenizer.kind).toBe('tokenizer');
  });

  it('of a backbone: tokens in, hidden states out, step by step', async () => {
    const weights = { weight: Array.from({ length: 12 }, () => 1), class: [0, 0, 0, 0] };
    const line = await says(lineBackbone, [
      {
        name: 'sums of what came',
        weights,
        label: 1,
        steps: [
          { positions: [0], values: null, hidden: [[0, 0, 0, 0]] },
          { positions: [1], values: [[1, 2, 3]], hidden: [[6, 6, 6, 6]] },
        ],
      },
      { name: 'wrong', weights, steps: [{ positions: [0], values: null, hidden: [[0, 1, 0, 0]] }] },
    ]);
    expect(line).toEqual({
      'backbone/own/sums-of-what-came/eager': null,
      'backbone/own/wrong/eager': expect.stringContaining('hidden states with 0 at 1, where 1 is due, in step 0'),
    });
    const step = { positions: [0], values: [[1, 2, 3]], hidden: [[0, 0, 0, 0]] };
    const mean = await says(meanBackbone, [{ name: 'no marks', steps: [step] }]);
    expect(mean['backbone/own/no-marks/eager']).toContain('without values and known for every position');
  });

  it('are refused where they say what has no meaning, or have one name', () => {
    const order = rasterOrder as OrderPlugin;
    const own = { name: 'a', maps: [[2, 2]], steps: [] };
    expect(() => cases(order, { own: [{ ...own, step: 1 }] })).toThrow(/own\[0\]\.step/);
    expect(() => cases(order, { own: [{ ...own, maps: [[2]] }] })).toThrow(/\[height, width\]/);
    expect(() => cases(order, { own: [own, { ...own, name: 'A!' }] })).toThrow(/two own cases named a/);
  });
});

describe('conformance.json', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tessera-conformance-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const read = (text: string) => {
    const file = join(folder, 'conformance.json');
    writeFileSync(file, text);
    return () => readConformance(file);
  };

  it('gives what the kit is to know of each part', () => {
    expect(readConformance(join(folder, 'none.json'))).toEqual({});
    const own = [{ name: 'a' }];
    expect(read(JSON.stringify({ '@acme/order': { config: { size: 2 }, own } }))()).toEqual({
      '@acme/order': { config: { size: 2 }, own },
    });
  });

  it.each([
    ['{ "@acme/order": { "limit": 5 } }', '@acme/order.limit'],
    ['{ "@acme/order": { "own": {} } }', '@acme/order.own'],
    ['[]', 'got a list; expected an object with the names of parts'],
    ['{', 'conformance.json'],
  ])('refuses %s', (text, said) => expect(read(text)).toThrow(said));
});

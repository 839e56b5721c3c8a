import { describe, expect, it } from 'vitest';
import type { Model } from '../api/operations.ts';
import { cellsOf, choicesOf, firstValues, readComparison, writeComparison } from './comparison.ts';

const model = (name: string, options: Record<string, unknown>): Model =>
  ({
    name,
    title: name,
    classes: [
      { label: 0, name: 'zero' },
      { label: 1, name: 'one' },
    ],
    condition: { classes: 2, schema: {} },
    image: { width: 8, height: 8, channels: 1 },
    stride: 'set',
    guidanceOff: 0,
    defaults: { guidance: 1.5, preview: 'LINEAR' },
    options: { properties: options },
  }) as unknown as Model;
const topP = { type: 'number', minimum: 0, maximum: 1, default: 0.9 };
const models = [model('a', { topP, smooth: { type: 'boolean', default: false } }), model('b', { topP })];
const read = (search: string) => readComparison(new URLSearchParams(search), models);

it('reads the address that it writes, with all that was made', () => {
  const { comparison } = read('x=options.topP&xs=0.5&xs=1&y=label&ys=0&ys=1&model=a&seed=7&label=1');
  const ids = ['g1', 'g2', 'g3', 'g4'];
  expect(read(writeComparison(comparison, models, ids))).toEqual({ comparison, ids, notes: [] });
});

it('keeps the settings of every model that is compared, and says which of them cannot be', () => {
  const search = 'x=model&xs=a&xs=b&model=a&seed=7&a.options.topP=0.3&b.options.topP=0.5&b.guidance=2';
  const { comparison, notes } = read(search);
  const { cells } = cellsOf(comparison, models);
  expect(cells.map(({ input: { options, guidance } }) => [options!['topP'], guidance])).toEqual([
    [0.3, 1.5],
    [0.5, 2],
  ]);
  expect(notes).toEqual([]);
  const written = writeComparison(comparison, models, []);
  expect(read(written)).toEqual({ comparison, ids: [], notes: [] });
  // What is a model's own default is not written, and of a model that is not compared nothing is taken.
  expect(new URLSearchParams(written).get('b.options.topP')).toBe('0.5');
  expect(read('x=model&xs=a&xs=b&model=a&b.options.topP=7').notes.join()).toContain('“b.options.topP=7”');
  expect(read('x=seed&model=a&b.options.topP=0.5').notes.join()).toContain('“b.options.topP=0.5” was left out');
});

it('gives each cell its values, and leaves all else as it is', () => {
  const { comparison } = read('x=model&xs=a&xs=b&y=options.topP&ys=0.5&ys=1&model=a&seed=7&label=1');
  const { cells, problems } = cellsOf(comparison, models);
  expect(problems).toEqual([]);
  expect(
    cells.map(({ input: { model: name, options, seed, images } }) => [name, options!['topP'], seed, images]),
  ).toEqual(
    [
      ['a', 0.5],
      ['b', 0.5],
      ['a', 1],
      ['b', 1],
    ].map(([name, value]) => [name, value, 7, [{ condition: { label: 1 }, count: 1 }]]),
  );
  // The model goes down: its setting still goes to the cell's own model.
  const turned = read('x=options.topP&xs=0.5&xs=1&y=model&ys=a&ys=b&model=a').comparison;
  expect(cellsOf(turned, models).cells.map(({ input }) => [input.model, input.options!['topP']])).toEqual([
    ['a', 0.5],
    ['a', 1],
    ['b', 0.5],
    ['b', 1],
  ]);
});

it.each([
  ['x=banana', 'The address compares “banana”'],
  ['x=seed&xs=1&xs=-3', 'The seed “-3” is no whole number'],
  ['x=guidance&xs=1&xs=500', 'The guidance “500” is no number from 0 to 100'],
  ['x=label&xs=zero&xs=nine', '“nine” is no class of a'],
  ['x=model&xs=a&xs=c', '“c” is no model of this server'],
  ['x=options.topP&xs=0.5&xs=7', '“7” cannot be'],
  ['x=model&model=c', '“model=c”'],
  [
    `x=seed&${Array.from({ length: 10 }, (_, i) => `xs=${i}`).join('&')}&y=guidance&${[1, 2, 3, 4].map((i) => `ys=${i}`).join('&')}`,
    'at most 36',
  ],
])('tells what of %s it leaves out', (search, words) => {
  const { comparison, notes } = read(search);
  const { cells, problems } = cellsOf(comparison, models);
  expect([...notes, ...problems].join(' ')).toContain(words);
  expect(cells.length).toBeGreaterThan(0);
});

describe('choicesOf', () => {
  it('offers options only where every model has them', () => {
    expect(choicesOf(models).map(({ setting }) => setting)).toEqual([
      'model',
      'label',
      'seed',
      'guidance',
      'options.topP',
    ]);
    expect(choicesOf([models[0]!]).at(-1)!.setting).toBe('options.smooth');
  });

  it('begins with models, or with classes where no other model is like this one', () => {
    expect(read('').comparison.x).toEqual({ setting: 'model', values: ['a', 'b'] });
    expect(readComparison(new URLSearchParams(), [models[0]!]).comparison.x).toEqual({
      setting: 'label',
      values: ['0', '1'],
    });
    // Models along an axis are those of the picture.
    expect(read('x=model&xs=b&xs=a').comparison.settings.model).toBe('b');
    // Texts are no classes.
    const told = {
      ...models[0]!,
      classes: [],
      condition: { classes: null, schema: { properties: { text: { type: 'string' } } } },
    };
    const { comparison, notes } = readComparison(new URLSearchParams('model=a&seed=3&a.input.text=a+red+hat'), [told]);
    expect(comparison.x).toEqual({ setting: 'seed', values: ['3', '4', '5'] });
    expect(cellsOf(comparison, [told]).cells[1]!.input).toMatchObject({
      ...{ seed: 4, images: [{ condition: { input: { text: 'a red hat' } } }] },
    });
    expect([notes, choicesOf([told]).some(({ setting }) => setting === 'label')]).toEqual([[], false]);
  });

  it('begins with values around the model’s own', () => {
    const { settings } = read('model=a&seed=7').comparison;
    const first = (setting: string) =>
      firstValues(
        choicesOf([models[0]!]).find((one) => one.setting === setting)!,
        settings,
        models,
      );
    expect(['model', 'label', 'seed', 'guidance', 'options.topP', 'options.smooth'].map(first)).toEqual([
      ['a', 'b'],
      ['0', '1'],
      ['7', '8', '9'],
      ['0', '1.5', '3'],
      ['0.9'],
      ['false', 'true'],
    ]);
  });
});

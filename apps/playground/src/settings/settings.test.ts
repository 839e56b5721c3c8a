import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Model } from '../api/operations.ts';
import { readingsOf, refusedWord, titleOf, wordOf } from './classes.tsx';
import { optionFields, readable, readOption } from './options.tsx';
import { ownSettings, pickModel, readSettings, refusedLabel, toInputs, writeSettings } from './settings.ts';

const shapes: Model = {
  id: 'model:shapes',
  name: 'shapes',
  title: 'Shapes',
  parameters: 10,
  image: { height: 8, width: 8, channels: 3 },
  classes: ['circle', 'square', 'star'].map((name, label) => ({ label, name })),
  description: '',
  licence: 'MIT',
  tokens: 5,
  vocabulary: 16,
  layout: [
    { start: 0, height: 1, width: 1 },
    { start: 1, height: 2, width: 2 },
  ],
  options: {
    properties: {
      topP: { type: 'number', minimum: 0, maximum: 1, default: 0.9 },
      smooth: { type: 'boolean', default: false },
    },
  },
  guidanceOff: 0,
  defaults: { guidance: 1.5, preview: 'DECODED' },
};
const sets: Model = {
  ...shapes,
  name: 'shapes.sets',
  options: { properties: { steps: { type: 'integer', minimum: 1, maximum: 4, default: 4 }, note: { type: 'string' } } },
  guidanceOff: 1,
  defaults: { guidance: 2, preview: 'DECODED' },
};
const letters: Model = { ...shapes, name: 'letters', classes: [{ label: 0, name: 'a' }] };
const models = [shapes, sets, letters];
const read = (search: string) => readSettings(new URLSearchParams(search), models);

describe('settings in the address', () => {
  it('come back as they were, for every model compared', () => {
    const settings = {
      ...read('model=shapes&model=shapes.sets'),
      label: 2,
      seed: 77,
      own: {
        shapes: { guidance: 0, options: { topP: 0.5, smooth: true } },
        'shapes.sets': { guidance: 3, options: { steps: 2, note: 'a=b & c' } },
      },
    };
    const address = writeSettings(settings, models, ['one', 'two']);
    expect(read(address)).toEqual(settings);
    expect(new URLSearchParams(address).getAll('generation')).toEqual(['one', 'two']);
  });

  it('name a class by the word that can mean it alone', () => {
    expect([read('label=star').label, read('label=number:1').label, read('label=none').label]).toEqual([2, 1, -1]);
    const numbers = { ...shapes, classes: ['1', 'one', '2'].map((name, label) => ({ label, name })) };
    const again = readSettings(new URLSearchParams('label=one'), [numbers]);
    expect(again.label).toBe(1);
    const address = new URLSearchParams(writeSettings(again, [numbers], []));
    expect(address.get('label')).toBe('number:1');
    expect(readSettings(address, [numbers]).label).toBe(1);
    expect(refusedLabel(new URLSearchParams('label=1'), [numbers])).toMatch(/number:0 .*number:1 \(one\)/);
    expect(refusedLabel(address, [numbers])).toBeNull();
  });

  it('have no guidance where a model takes none', () => {
    const plain = { ...shapes, guidanceOff: null };
    const settings = readSettings(new URLSearchParams('shapes.guidance=3'), [plain]);
    expect(toInputs(settings, [plain])[0]).not.toHaveProperty('guidance');
    expect(writeSettings(settings, [plain], [])).not.toContain('guidance');
  });

  it('fall back to the defaults where they make no sense', () => {
    const nonsense =
      'model=gone&label=9&count=0&seed=-1&shapes.guidance=abc&shapes.options.topP=1.5&shapes.options.x=1&count=1.5';
    expect(read(nonsense)).toEqual(read(''));
  });

  it('compare no models of different classes', () => {
    expect(read('model=shapes&model=letters&model=shapes.sets&model=shapes').models).toEqual(['shapes', 'shapes.sets']);
  });
});

describe('pickModel', () => {
  const settings = { ...read('model=shapes&model=shapes.sets'), label: 2, seed: 7 };

  it('keeps class and seed among models of the same classes', () => {
    expect(pickModel(settings, sets, models)).toMatchObject({ models: ['shapes.sets'], label: 2, seed: 7 });
  });

  it('starts from the defaults with other classes, and remembers each model’s own settings', () => {
    const own = { shapes: { guidance: 9, options: {} } };
    const picked = pickModel({ ...settings, own }, letters, models);
    expect(picked).toMatchObject({ models: ['letters'], label: 0 });
    expect(ownSettings(pickModel(picked, shapes, models), shapes).guidance).toBe(9);
  });
});

describe('toInputs', () => {
  it('repeats one class, or takes each class once', () => {
    const settings = read('label=1&count=3');
    expect(toInputs(settings, models).map(({ images }) => images)).toEqual([[{ condition: { label: 1 }, count: 3 }]]);
    const each = toInputs({ ...settings, label: 'each' }, models)[0]!.images;
    expect(each).toEqual([0, 1, 2].map((label) => ({ condition: { label } })));
  });

  it('asks every compared model for the same, with its own options', () => {
    const same = { images: [{ condition: { label: 2 }, count: 2 }], seed: 5 };
    expect(toInputs(read('model=shapes.sets&model=shapes&label=2&count=2&seed=5'), models)).toEqual([
      { model: 'shapes.sets', ...same, guidance: 2, options: { steps: 4 } },
      { model: 'shapes', ...same, guidance: 1.5, options: { topP: 0.9, smooth: false } },
    ]);
  });
});

const fields = optionFields({
  type: 'object',
  properties: {
    steps: { type: 'integer', minimum: 1, maximum: 64, default: 16, description: 'How many sets.' },
    temperature: { type: 'number', exclusiveMinimum: 0, default: 1 },
    noiseSchedule: { type: 'string', enum: ['cosine', 'linear'], default: 'cosine' },
    smooth: { type: 'boolean', default: false },
    respacing: { type: 'string', title: 'Timesteps' },
    weights: { type: 'array' },
  },
});

describe('optionFields', () => {
  it('makes a field of every kind and leaves out what no form can show', () => {
    expect(fields).toEqual([
      {
        name: 'steps',
        label: 'Steps',
        help: 'How many sets.',
        fallback: 16,
        kind: 'number',
        whole: true,
        min: 1,
        max: 64,
      },
      { name: 'temperature', label: 'Temperature', fallback: 1, kind: 'number', whole: false, above: 0 },
      {
        name: 'noiseSchedule',
        label: 'Noise schedule',
        fallback: 'cosine',
        kind: 'choice',
        choices: ['cosine', 'linear'],
      },
      { name: 'smooth', label: 'Smooth', fallback: false, kind: 'check' },
      { name: 'respacing', label: 'Timesteps', kind: 'text' },
    ]);
  });

  it('shows no field where a model has no options', () => {
    expect(optionFields({ type: 'object' })).toEqual([]);
  });
});

describe('readable', () => {
  it('makes words of names', () => {
    expect(['topK', 'top-p', 'noise_schedule', 'useEMA', 'respacing'].map(readable)).toEqual([
      'Top k',
      'Top p',
      'Noise schedule',
      'Use EMA',
      'Respacing',
    ]);
  });
});

describe('readOption', () => {
  const read = (name: string, text: string) =>
    readOption(
      fields.find((field) => field.name === name)!,
      text,
    );

  it('reads what fits the field', () => {
    expect(read('steps', '64')).toBe(64);
    expect(read('temperature', '0.95')).toBe(0.95);
    expect(read('noiseSchedule', 'linear')).toBe('linear');
    expect(read('smooth', 'true')).toBe(true);
    expect(read('respacing', 'ddim25')).toBe('ddim25');
  });

  it('reads nothing from what does not', () => {
    for (const [name, text] of [
      ['steps', '65'],
      ['steps', '1.5'],
      ['steps', ''],
      ['temperature', '-1'],
      ['temperature', '0'],
      ['noiseSchedule', 'sine'],
      ['smooth', 'yes'],
    ] as const)
      expect(read(name, text), `${name}=${text}`).toBeUndefined();
  });
});

const numbered = (names: readonly string[]) => names.map((name, label) => ({ label, name }));

/* The page shares no code with the server; this table of right values is the same for both. */
const table = new URL('../../../../packages/request/fixtures/class-choices.json', import.meta.url);
const cases = JSON.parse(readFileSync(table, 'utf8')) as readonly {
  readonly classes: readonly string[];
  readonly readings: Readonly<Record<string, readonly number[]>>;
}[];

it.each(cases)('reads words by the classes $classes as the server does', ({ classes, readings }) => {
  const words = Object.keys(readings);
  expect(Object.fromEntries(words.map((word) => [word, readingsOf(word, numbered(classes))]))).toEqual(readings);
});

it.each(cases)('writes a word for every class of $classes that reads as that class alone', ({ classes }) => {
  for (const label of [-1, ...classes.keys()]) {
    expect(readingsOf(wordOf(label, numbered(classes)), numbered(classes))).toEqual([label]);
  }
});

it('tells classes of one name apart, and those whose name means something else', () => {
  const classes = numbered(['tench, Tinca tinca', 'crane', '2', 'crane', 'none', '1', 'each once']);
  const titles = [...classes.keys(), -1].map((label) => titleOf(label, classes));
  expect(titles).toEqual([
    'tench, Tinca tinca',
    'crane (#1)',
    '2',
    'crane (#3)',
    'none (#4)',
    '1 (#5)',
    'each once (#6)',
    'no class',
  ]);
  expect(new Set(titles).size).toBe(titles.length);
});

it('says which classes a word in the address could mean', () => {
  const classes = numbered(['cat', 'crane', 'crane']);
  expect([null, 'each', 'cat', '2'].map((word) => refusedWord(word, classes))).toEqual([null, null, null, null]);
  expect(refusedWord('crane', classes)).toMatch(/“crane”, which can mean 2 classes: number:1 .*, number:2 /);
  expect(refusedWord('dog', classes)).toMatch(/“dog”, which this model does not have/);
});

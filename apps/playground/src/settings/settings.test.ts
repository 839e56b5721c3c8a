import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Model } from '../api/operations.ts';
import { findClasses, readingsOf, refusedWord, titleOf, wordOf } from './classes.tsx';
import { countsWith, optionFields, readable, readOption } from './options.tsx';
import { readRecipe, writeRecipe } from './recipe.ts';
import { shapes } from './shapes.fixture.ts';
import { MOST_SEED, ownSettings, pickModel, settingsOf, toInput } from './settings.ts';

const sets: Model = {
  ...shapes,
  name: 'shapes.sets',
  options: { properties: { steps: { type: 'integer', minimum: 1, maximum: 4, default: 4 }, note: { type: 'string' } } },
  guidanceOff: 1,
  defaults: { guidance: 2, guidanceKind: 'CONSTANT', preview: 'DECODED' },
};
const letters: Model = { ...shapes, name: 'letters', classes: [{ label: 0, name: 'a' }] };
const models = [shapes, sets, letters];
const recipe = (search: string, of: readonly Model[] = models) => readRecipe(new URLSearchParams(search), of);
const read = (search: string) => recipe(search).settings;

describe('a recipe in the address', () => {
  it('comes back as it was', () => {
    const settings = {
      ...read('model=shapes&label=2&seed=77'),
      own: { shapes: { guidance: 0, options: { topP: 0.5, smooth: true } } },
    };
    const { settings: again, notes } = recipe(String(writeRecipe(settings, models)));
    expect([again, notes]).toEqual([settings, []]);
    const others = { 'shapes.sets': { guidance: 3, options: { steps: 2, note: 'a=b & c' } } };
    const sets = { ...settings, model: 'shapes.sets', own: others };
    expect(recipe(String(writeRecipe(sets, models))).settings).toEqual(sets);
  });

  it('holds a seed only where it is kept', () => {
    const settings = { ...read(''), seed: 5 };
    expect(String(writeRecipe(settings, models))).not.toContain('seed');
    expect(read(String(writeRecipe({ ...settings, isLocked: true }, models)))).toMatchObject({
      seed: 5,
      isLocked: true,
    });
  });

  it('names a class by the word that can mean it alone', () => {
    expect([read('label=star').label, read('label=number:1').label, read('label=none').label]).toEqual([2, 1, -1]);
    const numbers = { ...shapes, classes: ['1', 'one', '2'].map((name, label) => ({ label, name })) };
    const again = recipe('label=one', [numbers]).settings;
    expect(again.label).toBe(1);
    const address = writeRecipe(again, [numbers]);
    expect(address.get('label')).toBe('number:1');
    expect(recipe(String(address), [numbers])).toMatchObject({ settings: { label: 1 }, notes: [] });
    expect(recipe('label=1', [numbers]).notes[0]).toMatch(/“label=1”: .*number:0 .*number:1 \(one\)/);
  });

  it('has no guidance where a model takes none', () => {
    const plain = { ...shapes, guidanceOff: null };
    const { settings, notes } = recipe('shapes.guidance=3', [plain]);
    expect(toInput(settings, [plain])).not.toHaveProperty('guidance');
    expect(String(writeRecipe(settings, [plain]))).not.toContain('guidance');
    expect(notes).toEqual(['“shapes.guidance=3” was left out: Shapes has no such setting.']);
  });

  it('says how a setting of the model is written', () => {
    const said = '“topP=0.5” was left out: it belongs to a model, as shapes.options.topP=.';
    expect(recipe('topP=0.5').notes).toEqual([said]);
  });

  it('tells all that it cannot take, with its text and what is taken instead', () => {
    const nonsense =
      'model=gone&label=9&count=0&seed=-1&shapes.guidance=abc&shapes.options.topP=1.5&shapes.options.x=1&count=1.5';
    const { settings, notes } = recipe(nonsense);
    expect(settings).toEqual(read(''));
    expect(notes).toEqual([
      '“model=gone”: expected a model of this server (shapes, shapes.sets, letters). Taken instead: shapes.',
      '“label=9”: expected a class of this model, by name or number; it has 3. Taken instead: circle.',
      '“count=0”: expected a whole number from 1 to 64. Taken instead: 4.',
      `“seed=-1”: expected a whole number from 0 to ${MOST_SEED}. Taken instead: a new one each time.`,
      '“shapes.options.topP=1.5”: expected a number from 0 to 1. Taken instead: 0.9.',
      '“shapes.guidance=abc”: expected a number from 0 to 100. Taken instead: 1.5.',
      '“shapes.options.x=1” was left out: Shapes has no such setting.',
      '“count=1.5” was left out: only the first of its name is taken.',
    ]);
  });
});

describe('pickModel', () => {
  const settings = { ...read('model=shapes'), label: 2, seed: 7 };

  it('keeps class and seed among models of the same classes', () => {
    expect(pickModel(settings, sets, models)).toMatchObject({ model: 'shapes.sets', label: 2, seed: 7 });
  });

  it('takes the first class of others, and remembers each model’s own settings', () => {
    const own = { shapes: { guidance: 9, options: {} } };
    const picked = pickModel({ ...settings, own }, letters, models);
    expect(picked).toMatchObject({ model: 'letters', label: 0 });
    expect(ownSettings(pickModel(picked, shapes, models), shapes).guidance).toBe(9);
  });
});

describe('toInput', () => {
  it('repeats one class, or takes each class once, with the own options of the model', () => {
    const settings = read('label=1&count=3&seed=5');
    expect(toInput(settings, models)).toEqual({
      model: 'shapes',
      images: [{ condition: { label: 1 }, count: 3 }],
      seed: 5,
      guidance: 1.5,
      options: { topP: 0.9, smooth: false },
      details: true,
    });
    // A server tells details of at most 2048 tokens at once, but always of one image.
    const large = models.map((model) => ({ ...model, tokens: 1000 }));
    expect([1, 2, 3].map((count) => toInput({ ...settings, count }, large).details)).toEqual([true, true, false]);
    const each = toInput({ ...settings, label: 'each' }, models).images;
    expect(each).toEqual([0, 1, 2].map((label) => ({ condition: { label } })));
  });
});

describe('settingsOf', () => {
  const images = [1, 1].map((label, index) => ({
    seed: 7 + index,
    condition: { __typename: 'ClassCondition' as const, label },
  }));
  const generation = { id: 'g', modelName: 'shapes', seed: 7, guidance: 3, size: null, options: { topP: 0.2 }, images };

  it('gives what makes the same images again', () => {
    const settings = settingsOf(generation, shapes);
    expect(settings).toMatchObject({ model: 'shapes', label: 1, count: 2, seed: 7 });
    expect(toInput(settings, models)).toMatchObject({ guidance: 3, options: { topP: 0.2, smooth: false } });
  });

  it('knows each class once, and no class', () => {
    const each = [0, 1, 2].map((label) => ({ seed: 0, condition: { __typename: 'ClassCondition' as const, label } }));
    const none = [{ seed: 0, condition: { __typename: 'NoCondition' as const } }];
    expect(settingsOf({ ...generation, images: each }, shapes).label).toBe('each');
    expect(settingsOf({ ...generation, images: none }, shapes).label).toBe(-1);
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

describe('settings of a guidance', () => {
  const guided: Model = {
    ...shapes,
    options: {
      properties: {
        guidanceBy: { type: 'string', enum: ['ramp', '@acme/early'], default: 'ramp' },
        share: { type: 'number', default: 0.5, onlyWith: { guidanceBy: '@acme/early' } },
      },
    },
  };

  it('are sent where it is chosen, and are kept where it is not', () => {
    const chosen = 'shapes.options.guidanceBy=%40acme%2Fearly&shapes.options.share=0.25';
    const sent = (search: string) => toInput(recipe(search, [guided]).settings, [guided]).options;
    expect(sent(chosen)).toEqual({ guidanceBy: '@acme/early', share: 0.25 });
    expect(sent('shapes.options.share=0.25')).toEqual({ guidanceBy: 'ramp' });
    const { settings } = recipe('shapes.options.share=0.25', [guided]);
    expect(settings.own['shapes']!.options['share']).toBe(0.25);
    const [by, share] = optionFields(guided.options);
    expect([by!, share!].map((field) => countsWith(field, { guidanceBy: 'ramp' }))).toEqual([true, false]);
  });
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
  expect(refusedWord('crane', classes)).toMatch(/the 2 classes that it can mean: number:1 .*, number:2 /);
  expect(refusedWord('dog', classes)).toMatch(/a class of this model, .* it has 3/);
});

it('finds classes by all words of a search, in any order, or by the number', () => {
  const choices = ['tiger cat', 'Tiger', 'cat, house cat'].map((name, value) => ({ name, value }));
  const found = (words: string) => findClasses(choices, words).map(({ value }) => value);
  expect(['', 'cat', 'CAT tig', '1', '#2', 'dog'].map(found)).toEqual([[0, 1, 2], [0, 2], [0], [1], [2], []]);
});

import { describe, expect, it } from 'vitest';
import type { Model } from '../api/types.ts';
import { readSettings, refusedLabel, writeSettings } from './address.ts';
import { ownSettings, pickModel, toInputs } from './settings.ts';

const shapes: Model = {
  name: 'shapes',
  title: 'Shapes',
  parameters: 10,
  image: { height: 8, width: 8 },
  classes: ['circle', 'square', 'star'].map((name, label) => ({ label, name })),
  tokens: 5,
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
  defaults: { guidance: 1.5 },
};
const sets: Model = {
  ...shapes,
  name: 'shapes.sets',
  options: { properties: { steps: { type: 'integer', minimum: 1, maximum: 4, default: 4 }, note: { type: 'string' } } },
  guidanceOff: 1,
  defaults: { guidance: 2 },
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

  it('starts anew with other classes, and remembers each model’s own settings', () => {
    const own = { shapes: { guidance: 9, options: {} } };
    const picked = pickModel({ ...settings, own }, letters, models);
    expect(picked).toMatchObject({ models: ['letters'], label: 0 });
    expect(ownSettings(pickModel(picked, shapes, models), shapes).guidance).toBe(9);
  });
});

describe('toInputs', () => {
  it('repeats one class, or takes each class once', () => {
    const settings = read('label=1&count=3');
    expect(toInputs(settings, models).map(({ labels }) => labels)).toEqual([[1, 1, 1]]);
    expect(toInputs({ ...settings, label: 'each' }, models)[0]!.labels).toEqual([0, 1, 2]);
  });

  it('asks every compared model for the same, with its own options', () => {
    const same = { labels: [2, 2], seed: 5 };
    expect(toInputs(read('model=shapes.sets&model=shapes&label=2&count=2&seed=5'), models)).toEqual([
      { model: 'shapes.sets', ...same, guidance: 2, options: { steps: 4 } },
      { model: 'shapes', ...same, guidance: 1.5, options: { topP: 0.9, smooth: false } },
    ]);
  });
});

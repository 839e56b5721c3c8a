import { describe, expect, it } from 'vitest';
import type { Model } from '../api/types.ts';
import { readSettings, toInput, writeSettings } from './settings.ts';

const model: Model = {
  name: 'shapes',
  title: 'Shapes',
  description: '',
  parameters: 10,
  vocabulary: 64,
  image: { height: 8, width: 8 },
  classes: ['circle', 'square', 'star'].map((name, label) => ({ label, name })),
  defaults: { guidance: 1.5, topK: 20, topP: 0.9, smooth: false },
};

describe('settings in the address', () => {
  it('come back as they were', () => {
    const settings = { ...readSettings(new URLSearchParams(), [model]), label: 2, seed: 77, smooth: true, topP: 0.5 };
    const search = new URLSearchParams(writeSettings(settings, 'some-id'));
    expect(readSettings(search, [model])).toEqual(settings);
    expect(search.get('generation')).toBe('some-id');
  });

  it('fall back to the defaults where they make no sense', () => {
    const search = new URLSearchParams('model=gone&label=9&count=0&seed=-1&guidance=abc&topK=65&topP=&count=1.5');
    expect(readSettings(search, [model])).toEqual(readSettings(new URLSearchParams(), [model]));
  });
});

describe('toInput', () => {
  it('repeats one class, or takes each class once', () => {
    const settings = readSettings(new URLSearchParams('label=1&count=3'), [model]);
    expect(toInput(settings, model).labels).toEqual([1, 1, 1]);
    expect(toInput({ ...settings, label: 'each' }, model).labels).toEqual([0, 1, 2]);
  });
});

import { describe, expect, it } from 'vitest';
import { optionFields, readable, readOption } from './option-fields.ts';

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

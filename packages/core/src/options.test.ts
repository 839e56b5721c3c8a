import { describe, expect, it } from 'vitest';
import { optionReader, optionsOf, type OptionParts } from './options.ts';
import { randomSetsOrder } from './set-orders.ts';
import { schema } from '@tessera/schema';

const layout = { length: 16, scales: [{ start: 0, height: 4, width: 4 }] };
const { object, number, optional, described } = schema;
const heat = described(optional(number({ min: 0 }), 1), 'How bold.');
const parts: OptionParts = {
  layout,
  space: { kind: 'continuous', channels: 4 },
  remembers: true,
  endsGuidance: false,
  order: randomSetsOrder,
  head: { name: 'warm', space: 'continuous', options: () => object({ heat }) },
};

describe('options of a composition', () => {
  it('let guidance begin later where the backbone remembers nothing', () => {
    const free = { ...parts, remembers: false };
    expect(optionReader(free)({ guidanceFrom: 0.25 }, 'm').loop.guidanceFrom).toBe(0.25);
    expect(() => optionReader(parts)({ guidanceFrom: 0.25 }, 'm')).toThrow('the unknown option guidanceFrom');
  });

  it('let guidance end earlier where the backbone can leave the null class out', () => {
    const ending = { ...parts, endsGuidance: true };
    expect(optionReader(ending)({ guidanceUntil: 0.75 }, 'm').loop).toEqual({ guidanceFrom: 0, guidanceUntil: 0.75 });
    expect(() => optionReader(parts)({ guidanceUntil: 0.75 }, 'm')).toThrow('the unknown option guidanceUntil');
  });

  it('are one record for people, and each part gets its own', () => {
    expect(Object.keys(optionsOf(parts).properties)).toEqual(['steps', 'restSteps', 'heat']);
    expect(optionsOf(parts).properties['heat']).toEqual({
      type: 'number',
      minimum: 0,
      default: 1,
      description: 'How bold.',
    });
    expect(optionReader(parts)({ heat: 2 }, 'm')).toEqual({
      order: { steps: 16, restSteps: 0 },
      head: { heat: 2 },
      loop: { guidanceFrom: 0, guidanceUntil: 1 },
      guidance: null,
    });
  });

  it('name the unknown one and the nearest known', () => {
    expect(() => optionReader(parts)({ heet: 2 }, 'm')).toThrow(
      '[m] got the unknown option heet; expected only steps, restSteps, heat. Did you mean heat?',
    );
    expect(() => optionReader(parts)({ toString: 2 }, 'm')).toThrow(
      expect.objectContaining({ code: 'option-unknown' }),
    );
  });

  it('refuse one name for two things', () => {
    const clash = { ...parts, head: { ...parts.head, options: () => object({ steps: number() }) } };
    expect(() => optionsOf(clash)).toThrow('an option steps of both the order random-sets and the head warm');
  });
});

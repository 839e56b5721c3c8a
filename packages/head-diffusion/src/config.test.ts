import { isTesseraError } from '@tessera/errors';
import { describe, expect, it } from 'vitest';
import { diffusionHead } from './diffusion-head.ts';

const { config } = diffusionHead;
const options = diffusionHead.options({ kind: 'continuous', channels: 4 });

function refusal(value: unknown): { code: string; message: string } {
  try {
    options.parse(value, 'test');
  } catch (error) {
    if (isTesseraError(error)) return error;
    throw error;
  }
  throw new Error('was accepted');
}

describe('options of the diffusion head', () => {
  it('are 100 steps at temperature 1 unless chosen', () => {
    expect(options.parse({}, 'test')).toEqual({ temperature: 1, respacing: '100', lateSteps: 0 });
    expect(options.parse({ temperature: 0.95, respacing: 'ddim25' }, 'test')).toEqual({
      temperature: 0.95,
      respacing: 'ddim25',
      lateSteps: 0,
    });
  });

  it.each([0, -1, 10.5, NaN, Infinity])('refuse a temperature of %d', (temperature) => {
    const { code, message } = refusal({ temperature });
    expect(code).toBe('temperature-out-of-range');
    expect(message).toContain(`temperature = ${temperature}; expected a number above 0`);
  });

  it.each(['', '0', '1001', 'ddim300', 'a', '501,1', '10;20'])('refuse the respacing "%s"', (respacing) => {
    const { code, message } = refusal({ respacing });
    expect(code).toBe('respacing-misfit');
    expect(message).toContain(`respacing = "${respacing}"; expected `);
  });

  it('take 0 or 2 late steps and more, up to the whole chain', () => {
    for (const lateSteps of [0, 2, 25]) {
      expect(options.parse({ respacing: 'ddim25', lateSteps }, 'test')).toMatchObject({ lateSteps });
    }
    expect(() => options.parse({ respacing: 'ddim25', lateSteps: 26 }, 'test')).toThrow(
      '[test] got lateSteps = 26; expected 2 to 25, the steps of the whole chain, or 0 for as many everywhere.',
    );
    expect(refusal({ lateSteps: 1 }).code).toBe('late-steps-misfit');
    expect(refusal({ respacing: '1', lateSteps: 2 }).message).toContain('expected 0 for as many everywhere');
    expect(refusal({ lateSteps: -1 }).code).toBe('field-invalid');
  });

  it('refuse other kinds of values', () => {
    expect(refusal({ temperature: '1' }).code).toBe('field-invalid');
    expect(refusal({ respacing: 100 }).code).toBe('field-invalid');
    expect(refusal({ temprature: 1 }).message).toContain('Did you mean temperature?');
  });

  it('say in words what they are', () => {
    for (const field of Object.values(options.json.properties!)) expect(field.description).toMatch(/\.$/);
    expect(options.json.properties!['respacing']).toMatchObject({ type: 'string', default: '100' });
    expect(options.json.properties!['temperature']).toEqual({
      type: 'number',
      exclusiveMinimum: 0,
      maximum: 10,
      default: 1,
      description: expect.any(String) as string,
    });
  });
});

describe('config of the diffusion head', () => {
  it('takes four timesteps per token unless told', () => {
    expect(config.parse({ blocks: 3, width: 256 }, 'test')).toEqual({ blocks: 3, width: 256, repeats: 4 });
    expect(() => config.parse({ blocks: 3 }, 'test')).toThrow('width');
    expect(() => config.parse({ blocks: 0, width: 256 }, 'test')).toThrow('blocks = 0');
  });
});

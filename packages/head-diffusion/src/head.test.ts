import * as tf from '@tensorflow/tfjs';
import type { Tensor2D, Tensor3D } from '@tensorflow/tfjs';
import { classOf, type Head, type SampleContext, type Step, type Weights } from '@tessera/core';
import { keyedRng, tensorFrom, type Engine } from '@tessera/engine';
import { createEngine } from '@tessera/targets';
import { isTesseraError } from '@tessera/errors';
import { goldenWeights, readGolden } from '@tessera/goldens';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { diffusionHead } from './head.ts';
import type { DiffusionOptions } from './options.ts';

const D = 48;
const C = 4;
const OPTIONS: DiffusionOptions = { temperature: 1, respacing: '4,0', lateSteps: 0 };
const space = { kind: 'continuous', channels: C } as const;

beforeAll(() => tf.setBackend('cpu'));

describe.each(['eager', 'onnx'] as const)('diffusionHead on %s', (target) => {
  let engine: Engine;
  let head: Head<DiffusionOptions>;
  const weights = goldenWeights(readGolden('weights/mar_tiny'));

  beforeAll(() => {
    engine = createEngine({ target, threads: 2 });
    const config = diffusionHead.config.parse({ blocks: 2, width: 64 }, 'test');
    head = diffusionHead.build(config, { width: D, space }, { engine, weights });
  });
  afterAll(() => {
    head.dispose();
    weights.dispose();
    engine.dispose();
  });

  /** Hidden states that depend on the image's seed alone; the null class' rows follow where guided. */
  function hiddenOf(seeds: readonly number[], tokens: number, guided: boolean): Float32Array {
    const rng = keyedRng(seeds);
    const of = (stream: string) =>
      seeds.flatMap((_, row) => [...rng.normal({ row, stream, step: 0, position: 0 }, tokens * D)]);
    return Float32Array.from([...of('hidden'), ...(guided ? of('null') : [])]);
  }

  interface Draw {
    readonly seeds: readonly number[];
    readonly tokens?: number;
    readonly weight?: number;
    readonly from?: Head<DiffusionOptions>;
    readonly changes?: Partial<SampleContext<DiffusionOptions>>;
  }

  async function draw({ seeds, tokens = 3, weight = 1, from = head, changes = {} }: Draw): Promise<Float32Array> {
    const guided = weight !== 1;
    const positions_Bl = Int32Array.from({ length: seeds.length * tokens }, (_, i) => 2 * (i % tokens));
    const step: Step = { index: 1, of: 4, before: 9, after: 9 - tokens, positions_Bl };
    const hidden = hiddenOf(seeds, tokens, guided);
    const values_RlD = tensorFrom(hidden, [hidden.length / (tokens * D), tokens, D]) as Tensor3D;
    const rows = seeds.map((seed) => ({ seed, condition: classOf(0) }));
    const signal = new AbortController().signal;
    const fixed = { step, rows, weight, rng: keyedRng(seeds), options: OPTIONS, signal };
    try {
      const { tokens: made } = await from.sample({ values_RlD, positions_Bl, guided }, { ...fixed, ...changes });
      expect(made.index_Bl).toBeUndefined();
      expect(made.values_BlC.shape).toEqual([seeds.length, tokens, C]);
      const values = (await made.values_BlC.data<'float32'>()).slice();
      made.values_BlC.dispose();
      return values;
    } finally {
      values_RlD.dispose();
    }
  }

  const eight = [3, 1, 4, 15, 9, 26, 5, 35];

  it.each([
    ['unguided', 1, 3],
    ['guided', 3, 3],
    ['one token unguided', 1, 1],
  ])('gives a row the same bytes alone as among eight: %s', async (_, weight, tokens) => {
    const together = await draw({ seeds: eight, tokens, weight });
    for (const [row, seed] of eight.entries()) {
      const alone = await draw({ seeds: [seed], tokens, weight });
      expect([...alone]).toEqual([...together.subarray(row * tokens * C, (row + 1) * tokens * C)]);
    }
  });

  it('leaves no tensors behind, and none when a cancel comes', async () => {
    await draw({ seeds: [1, 2] });
    const before = tf.memory().numTensors;
    await draw({ seeds: [1, 2] });
    const stopped = AbortSignal.abort(new Error('stopped'));
    await expect(draw({ seeds: [1, 2], changes: { signal: stopped } })).rejects.toThrow('stopped');
    expect(tf.memory().numTensors).toBe(before);
  });

  it('hears a cancel within a step of the chain', async () => {
    const stop = new AbortController();
    await draw({ seeds: [1], changes: { options: { ...OPTIONS, respacing: '1' } } });
    const asked = () => engine.profile().find(({ name }) => name === 'diffusion.denoise')?.calls ?? 0;
    const before = asked();
    const options = { ...OPTIONS, respacing: '1000' };
    setImmediate(() => setImmediate(() => stop.abort(new Error('enough'))));
    await expect(draw({ seeds: [1], changes: { options, signal: stop.signal } })).rejects.toThrow('enough');
    expect(asked() - before).toBeLessThan(5);
  });

  it('draws once per token, by row, step and position, for the whole chain', async () => {
    const keys: string[] = [];
    const base = keyedRng([7, 8]);
    const normal: typeof base.normal = (key, count) => {
      keys.push(`${key.row} ${key.stream} ${key.step} ${key.position} ${count}`);
      return base.normal(key, count);
    };
    await draw({ seeds: [7, 8], tokens: 2, changes: { rng: { ...base, normal } } });
    expect(keys).toEqual(['0 diffusion 1 0 16', '0 diffusion 1 2 16', '1 diffusion 1 0 16', '1 diffusion 1 2 16']);
  });

  it('scales the noise of steps by the temperature, not the first noise', async () => {
    const at = (temperature: number, respacing: string) =>
      draw({ seeds: [5], changes: { options: { ...OPTIONS, temperature, respacing } } });
    expect(await at(0.5, '1')).toEqual(await at(1, '1')); // one step, which is the last and adds none
    expect(await at(0.5, '2,0')).not.toEqual(await at(1, '2,0'));
  });

  describe('with late steps', () => {
    const annealed = { ...OPTIONS, respacing: '6,0', lateSteps: 2 };
    const at = (index: number, of: number, seeds: readonly number[], options: DiffusionOptions = annealed) => {
      const positions_Bl = Int32Array.from({ length: seeds.length * 3 }, (_, i) => 2 * (i % 3));
      const step = { index, of, before: 3 * (of - index), after: 3 * (of - index - 1), positions_Bl };
      return draw({ seeds, weight: 2, changes: { step, options } });
    };
    const asked = () => engine.profile().find(({ name }) => name === 'diffusion.denoise')?.calls ?? 0;

    it('asks the denoiser less from step to step of the order', async () => {
      const calls: number[] = [];
      for (let index = 0; index < 5; index++) {
        const before = asked();
        await at(index, 5, [1]);
        calls.push(asked() - before);
      }
      if (target === 'onnx') expect(calls).toEqual([6, 5, 4, 3, 2]);
    });

    it('gives the bytes of the whole chain at first, and those of the shortened one alone as in a batch', async () => {
      const off = { ...annealed, lateSteps: 0 };
      expect(await at(0, 5, eight)).toEqual(await at(0, 5, eight, off));
      const together = await at(3, 5, eight);
      expect(together).not.toEqual(await at(3, 5, eight, off));
      for (const [row, seed] of eight.entries()) {
        expect([...(await at(3, 5, [seed]))]).toEqual([...together.subarray(row * 3 * C, (row + 1) * 3 * C)]);
      }
    });

    it('goes the way of the respacing that keeps the same timesteps, told the same', async () => {
      // Six of 500 timesteps are 0, 100, 200, 299, 399, 499; the last step of the order keeps the ends.
      const ends = { ...OPTIONS, respacing: '2,0' };
      const short = await at(4, 5, [4]);
      for (const [i, value] of (await at(4, 5, [4], ends)).entries()) expect(short[i]!).toBeCloseTo(value, 4);
    });
  });

  it('refuses to return what is not a number', async () => {
    const rng = { ...keyedRng([1]), normal: (_: unknown, count: number) => new Float32Array(count).fill(NaN) };
    await expect(draw({ seeds: [1], changes: { rng } })).rejects.toMatchObject({ code: 'tokens-not-finite' });
  });

  it('sees new numbers of its parameters, those of the timestep too', async () => {
    const before = await draw({ seeds: [2] });
    const variables: tf.Variable[] = [];
    const own = createEngine({ target, threads: 1 });
    const trained: Weights = {
      has: () => true,
      param: (name, shape, spec) => {
        const tensor = weights.taken.get(name)?.tensor ?? weights.param(name, shape, spec);
        variables.push(tf.variable(tensor, true));
        return variables.at(-1)!;
      },
    };
    const config = diffusionHead.config.parse({ blocks: 2, width: 64 }, 'test');
    const other = diffusionHead.build(config, { width: D, space }, { engine: own, weights: trained });
    expect(await draw({ seeds: [2], from: other })).toEqual(before);
    const changed = tf.tidy(() => tf.add(variables[3]!, 1));
    variables[3]!.assign(changed); // the bias of the timestep's second layer
    changed.dispose();
    expect(await draw({ seeds: [2], from: other })).not.toEqual(before);
    other.dispose();
    own.dispose();
    tf.dispose(variables);
  });

  it('draws discrete tokens without an index, as large as the numbers of the codebook', async () => {
    // Of standard deviation 3 around 5.
    const codebook_VC = tf.variable(tensorFrom(Float32Array.of(2, 8, 8, 2, 8, 2, 2, 8), [2, 4]) as Tensor2D);
    const discrete = { kind: 'discrete', channels: C, vocabulary: 2, codebook_VC } as const;
    const config = diffusionHead.config.parse({ blocks: 2, width: 64 }, 'test');
    const other = diffusionHead.build(config, { width: D, space: discrete }, { engine, weights });
    const plain = await draw({ seeds: [2, 5] });
    expect(await draw({ seeds: [2, 5], from: other })).toEqual(plain.map((value) => value * 3));
    const trained = tf.tidy(() => tf.mul(codebook_VC, 2) as Tensor2D);
    codebook_VC.assign(trained);
    const before = tf.memory().numTensors;
    expect(await draw({ seeds: [2, 5], from: other })).toEqual(plain.map((value) => value * 6));
    expect(tf.memory().numTensors).toBe(before);
    other.dispose();
    tf.dispose([codebook_VC, trained]);
  });
});

const { config } = diffusionHead;
const optionsField = diffusionHead.options({ kind: 'continuous', channels: 4 });

function refusal(value: unknown): { code: string; message: string } {
  try {
    optionsField.parse(value, 'test');
  } catch (error) {
    if (isTesseraError(error)) return error;
    throw error;
  }
  throw new Error('was accepted');
}

describe('options of the diffusion head', () => {
  it('are 100 steps at temperature 1 unless chosen', () => {
    expect(optionsField.parse({}, 'test')).toEqual({ temperature: 1, respacing: '100', lateSteps: 0 });
    expect(optionsField.parse({ temperature: 0.95, respacing: 'ddim25' }, 'test')).toEqual({
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
      expect(optionsField.parse({ respacing: 'ddim25', lateSteps }, 'test')).toMatchObject({ lateSteps });
    }
    expect(() => optionsField.parse({ respacing: 'ddim25', lateSteps: 26 }, 'test')).toThrow(
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
    for (const field of Object.values(optionsField.json.properties!)) expect(field.description).toMatch(/\.$/);
    expect(optionsField.json.properties!['respacing']).toMatchObject({ type: 'string', default: '100' });
    expect(optionsField.json.properties!['temperature']).toEqual({
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

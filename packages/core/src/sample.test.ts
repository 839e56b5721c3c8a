import * as tf from '@tensorflow/tfjs';
import { keyedRng } from '@tessera/engine';
import { createEngine } from '@tessera/targets';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compose } from './compose.ts';
import type { Head } from './contracts.ts';
import type { Guidance } from './guidance-part.ts';
import type { OpenMix } from './guidance-part.ts';
import { noGuidance } from './guidance.ts';
import type { Moment, Observer } from './observe.ts';
import { classOf, type Row } from './tokens.ts';
import { sample, type Composition, type SampleEvent, type SampleRequest } from './sample.ts';
import { writtenOf } from './written.ts';
import { smallMaterials, smallParts } from './testing/small-composition.ts';

const { engine, weights } = smallMaterials(createEngine({ target: 'eager' }));
let parts: Composition;

beforeAll(async () => {
  await tf.setBackend('cpu');
  parts = compose(smallParts, { engine, weights });
});
afterAll(() => {
  parts.tokenizer.dispose();
  engine.dispose();
});

function requestOf(rows: readonly Row[], changes: Partial<SampleRequest> = {}): SampleRequest {
  return {
    rows,
    guidance: noGuidance,
    kept: null,
    options: { order: {}, head: { noise: 0.5 } },
    preview: 'none',
    rng: keyedRng(rows.map(({ seed }) => seed)),
    signal: new AbortController().signal,
    written: [],
    ...changes,
  };
}

async function run(request: SampleRequest, composition = parts): Promise<SampleEvent[]> {
  const events: SampleEvent[] = [];
  for await (const event of sample(composition, request)) events.push(event);
  return events;
}

async function images(request: SampleRequest): Promise<number[][]> {
  return (await run(request)).flatMap((event) => (event.type === 'image' ? [[...event.pixels.data]] : []));
}

describe('sample', () => {
  it('yields an event per step and then one per image', async () => {
    const rows = [5, 6].map((seed) => ({ seed, condition: classOf(2) }));
    const events = await run(requestOf(rows, { options: { order: {}, head: { noise: 0 } }, preview: 'linear' }));
    expect(events.map((event) => event.type)).toEqual(['step', 'step', 'image', 'image']);
    const [first, , third] = events;
    expect(first!.type === 'step' && first!.previews).toHaveLength(2);
    expect(third!.type === 'image' && [...third!.pixels.data]).toEqual([0.5, 0.5, 0.5, 0.5]);
  });

  it('makes each row again alone', async () => {
    const rows = [1, 2, 3, 4].map((seed) => ({ seed, condition: classOf(seed % 4) }));
    const together = await images(requestOf(rows));
    expect(new Set(together.map(String)).size).toBeGreaterThan(1);
    for (const [index, row] of rows.entries()) expect(await images(requestOf([row]))).toEqual([together[index]]);
  });

  it('gives heads the mixture of a guidance where a step is guided, and only there', async () => {
    const seen: unknown[] = [];
    const mix: OpenMix =
      () =>
      ({ own_lX }) =>
        own_lX;
    const head: Head = {
      ...parts.head,
      sample: (hidden, context) => {
        seen.push([context.weight, context.mix === mix]);
        return parts.head.sample(hidden, context);
      },
    };
    const guidance: Guidance = {
      ...noGuidance,
      active: true,
      saves: true,
      weight: ({ index }) => 1 + 2 * index,
      mix: () => mix,
    };
    await run(requestOf([{ seed: 1, condition: classOf(1) }], { guidance }), { ...parts, head });
    expect(seen).toEqual([
      [1, false],
      [3, true],
    ]);
  });

  it('leaves kept tokens alone', async () => {
    const kept = { values_BLC: tf.zeros([1, 5, 1]) as tf.Tensor3D, keep_L: Uint8Array.of(0, 1, 0, 0, 0) };
    const [pixels] = await images(
      requestOf([{ seed: 0, condition: classOf(3) }], { kept, options: { order: {}, head: { noise: 0 } } }),
    );
    expect(pixels).toEqual([0.5, 1, 1, 1]);
    kept.values_BLC.dispose();
  });

  it('goes on from what was written elsewhere, with the same pixels', async () => {
    const rows = [3, 9].map((seed) => ({ seed, condition: classOf(seed % 4) }));
    const events = await run(requestOf(rows));
    const steps = events.flatMap((event) => (event.type === 'step' ? [event.written] : []));
    const whole = await images(requestOf(rows));
    for (const count of [1, 2]) {
      const never = { ...parts.head, sample: () => Promise.reject(new Error('sampled again')) };
      const composition = count === 2 ? { ...parts, head: never } : parts;
      const again = await run(requestOf(rows, { written: steps.slice(0, count) }), composition);
      expect(again.flatMap((event) => (event.type === 'image' ? [[...event.pixels.data]] : []))).toEqual(whole);
    }
    const foreign = requestOf(rows.slice(1), { written: steps });
    await expect(run(foreign)).rejects.toMatchObject({ code: 'written-misfit' });
    const long = requestOf(rows, { written: [...steps, steps[0]!] });
    await expect(run(long)).rejects.toThrow('got 3 steps written; expected 2 at most');
  });

  it('writes copies: a head may use its lists again', async () => {
    const confidence_Bl = Float32Array.of(1);
    const values_BlC = tf.zeros<tf.Rank.R3>([1, 1, 1]);
    const { confidence } = await writtenOf({ tokens: { values_BlC }, confidence_Bl });
    values_BlC.dispose();
    confidence_Bl.fill(2);
    expect(confidence).toEqual(Float32Array.of(1));
  });

  it('says which weights to look at where tokens are not numbers', async () => {
    const before = tf.memory().numTensors;
    const drawing = (value: number): Composition['head'] => ({
      ...parts.head,
      sample: async (_, { rows }) => ({ tokens: { values_BlC: tf.fill([rows.length, 1, 1], value) } }),
    });
    const blind: Composition['backbone'] = {
      ...parts.backbone,
      openRollout: async (...given) => ({
        ...(await parts.backbone.openRollout(...given)),
        forward: async (_, { positions_Bl }) => ({ values_RlD: tf.fill([1, 1, 3], NaN), positions_Bl, guided: false }),
      }),
    };
    const request = requestOf([{ seed: 0, condition: classOf(0) }]);
    await expect(run(request, { ...parts, head: drawing(NaN) })).rejects.toThrow(
      '[sample] got tokens of NaN drawn by the head at step 1 of 2; expected finite numbers, and indices of the codebook. ' +
        'Its hidden states are finite: look at the weights of the head.',
    );
    await expect(run(request, { ...parts, head: drawing(-Infinity), backbone: blind })).rejects.toMatchObject({
      code: 'part-numbers',
      message: expect.stringContaining('Its hidden states hold NaN too: look at the backbone'),
    });
    expect(tf.memory().numTensors).toBe(before);
  });

  it('lets an observer look into each step, and stops where it throws', async () => {
    const before = tf.memory().numTensors;
    const seen: string[] = [];
    const observe: Observer = async (moment) => {
      if (moment.type === 'rendered') return void seen.push(`rendered row ${moment.row}`);
      const { values_BlC, values_RlD } = { values_BlC: null, values_RlD: null, ...shapesOf(moment) };
      seen.push(`${moment.type} ${moment.step.index} [${values_BlC ?? values_RlD ?? 'nothing'}]`);
    };
    const shapesOf = (moment: Exclude<Moment, { type: 'rendered' }>) => {
      if (moment.type === 'read')
        return { values_BlC: moment.context.reads === 'estimate' && moment.context.values_BlC?.shape };
      if (moment.type === 'hidden') return { values_RlD: moment.hidden.values_RlD.shape };
      return { values_BlC: (moment.type === 'drawn' ? moment.sampled.tokens : moment.tokens).values_BlC.shape };
    };
    const rows = [1, 2].map((seed) => ({ seed, condition: classOf(seed) }));
    const events = await run(requestOf(rows, { observe }));
    expect(seen).toEqual([
      'read 0 [nothing]',
      'hidden 0 [2,1,3]',
      'drawn 0 [2,1,1]',
      'written 0 [2,1,1]',
      'read 1 [2,4,1]',
      'hidden 1 [2,4,3]',
      'drawn 1 [2,4,1]',
      'written 1 [2,4,1]',
      'rendered row 0',
      'rendered row 1',
    ]);
    const written = events.flatMap((event) => (event.type === 'step' ? [event.written] : []));
    seen.length = 0;
    await run(requestOf(rows, { observe, written }));
    expect(seen).toEqual(['written 0 [2,1,1]', 'written 1 [2,4,1]', 'rendered row 0', 'rendered row 1']);
    const ending: Observer = ({ type }) => {
      if (type === 'written') throw new Error('the disk is full');
    };
    await expect(run(requestOf(rows, { observe: ending }))).rejects.toThrow('the disk is full');
    expect(tf.memory().numTensors).toBe(before);
  });

  it('stops within a step of a cancel, with the reason of the signal', async () => {
    const controller = new AbortController();
    const steps: number[] = [];
    const request = requestOf([{ seed: 0, condition: classOf(0) }], { signal: controller.signal });
    const consume = async () => {
      for await (const event of sample(parts, request)) {
        if (event.type === 'step') steps.push(event.step.index);
        controller.abort(new Error('enough'));
      }
    };
    await expect(consume()).rejects.toThrow('enough');
    expect(steps).toEqual([0]);
  });

  it('leaves no tensors behind: when it ends, when it is left early, when a part fails', async () => {
    const before = tf.memory().numTensors;
    const rows = [{ seed: 0, condition: classOf(1) }];
    await run(requestOf(rows));
    for await (const event of sample(parts, requestOf(rows))) if (event.type === 'step') break;
    const { head } = parts;
    const failing: Composition = {
      ...parts,
      head: {
        ...head,
        sample: async (hidden, context) => {
          if (context.step.index === 1) throw new Error('no shade left');
          return head.sample(hidden, context);
        },
      },
    };
    await expect(run(requestOf(rows), failing)).rejects.toThrow('no shade left');
    expect(tf.memory().numTensors).toBe(before);
  });
});

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compareTraces, firstDifference } from './compare.ts';
import { readTrace, writeTrace } from './files.ts';
import type { Trace, TraceStep, TraceTensor } from './record.ts';

const layout = { length: 5, scales: [1, 2].map((side) => ({ start: side - 1, height: side, width: side })) };

const filled = (name: string, shape: readonly number[], value = 1): TraceTensor => ({
  name,
  shape,
  data: new Float32Array(shape.reduce((product, size) => product * size, 1)).fill(value),
});

/** The second scale, of two images, guided: tokens at positions 1 to 4. */
function secondStep(): TraceStep {
  const positions_Bl = Int32Array.of(1, 2, 3, 4, 1, 2, 3, 4);
  return {
    ...{ index: 1, of: 2, reads: 'estimate', weight: 1.5, guided: true, positions_Bl, written_Bl: positions_Bl },
    tensors: [
      filled('read.values_BlC', [2, 4, 3]),
      filled('hidden.values_RlD', [4, 4, 2], 10),
      filled('drawn.values_BlC', [2, 4, 3]),
      { name: 'drawn.index_Bl', shape: [2, 4], data: Int32Array.of(5, 6, 7, 8, 9, 10, 11, 12) },
      filled('canvas.map_BHWC', [2, 2, 2, 3]),
    ],
  };
}

function made(change: (tensors: Map<string, TraceTensor>) => void = () => undefined): Trace {
  const step = secondStep();
  change(new Map(step.tensors.map((tensor) => [tensor.name, tensor])));
  const positions_Bl = Int32Array.of(0, 0);
  const first: TraceStep = {
    ...{ index: 0, of: 2, reads: 'estimate', weight: 1, guided: true, positions_Bl, written_Bl: positions_Bl },
    tensors: [filled('hidden.values_RlD', [4, 1, 2])],
  };
  return {
    facts: { model: 'micro', seed: 3 },
    layout,
    steps: [first, step],
    images: [filled('image.1.rendered_HWC', [2, 2, 1])],
  };
}

describe('two traces', () => {
  it('agree where they are equal', () => {
    const all = compareTraces(made(), made());
    expect(all).toHaveLength(7);
    expect(all.every(({ max, mean, relative, differing, at }) => max + mean + relative + differing === 0 && !at)).toBe(
      true,
    );
    expect(firstDifference(all, 0)).toBeNull();
  });

  it('differ first in one element, whose image, half, token and scale are found', () => {
    const changed = made((tensors) => {
      tensors.get('hidden.values_RlD')!.data[3 * 8 + 2 * 2 + 1]! += 0.5; // row 3 of R: image 1 without its class; token 2
      tensors.get('canvas.map_BHWC')!.data[0]! += 1;
    });
    const all = compareTraces(made(), changed);
    expect(firstDifference(all, 0.1)).toMatchObject({ step: 2, name: 'canvas.map_BHWC' });
    expect(firstDifference(all, 0.01)).toEqual({
      ...{ step: 2, name: 'hidden.values_RlD', shape: [4, 4, 2], mismatch: null, exact: false },
      ...{ max: 0.5, relative: 0.05, mean: 0.5 / 32, differing: 1, nans: { first: 0, second: 0, both: 0 } },
      at: { index: [3, 2, 1], image: 1, half: 'null class', position: 3, scale: { number: 2, row: 1, column: 0 } },
    });
  });

  it('never agree where an index, a shape, NaN or a position differs', () => {
    const index = compareTraces(
      made(),
      made((tensors) => void (tensors.get('drawn.index_Bl')!.data[5] = 3)),
    );
    expect(firstDifference(index, 1)).toMatchObject({
      ...{ name: 'drawn.index_Bl', exact: true, differing: 1, relative: Infinity },
      at: { image: 1, half: null, position: 2 },
    });
    const nan = made((tensors) => void (tensors.get('read.values_BlC')!.data[0] = NaN));
    expect(firstDifference(compareTraces(made(), nan), 1)).toMatchObject({ name: 'read.values_BlC', max: Infinity });
    expect(firstDifference(compareTraces(nan, nan), 0)).toBeNull();
    const [first, second] = made().steps as [TraceStep, TraceStep];
    const elsewhere = { ...second, positions_Bl: Int32Array.of(1, 2, 4, 3, 1, 2, 3, 4) };
    const positions = compareTraces(made(), { ...made(), steps: [first, elsewhere] });
    expect(firstDifference(positions, 1)).toMatchObject({
      ...{ step: 2, name: 'step.positions_Bl', mismatch: 'token 2 is at position 3 and at 4' },
    });
    const other = { ...second, tensors: [filled('read.values_BlC', [1, 4, 3]), filled('drawn.extra_B', [2])] };
    const shapes = compareTraces(made(), { ...made(), steps: [first, other] });
    expect(firstDifference(shapes, 1)).toMatchObject({ mismatch: 'shapes [2, 4, 3] and [1, 4, 3]' });
    expect(shapes.map(({ mismatch }) => mismatch)).toContain('missing in the second trace');
    expect(shapes.find(({ name }) => name === 'drawn.extra_B')).toMatchObject({
      mismatch: 'missing in the first trace',
    });
    const shorter = compareTraces(made(), { ...made(), steps: [first] });
    expect(firstDifference(shorter, 1)).toMatchObject({ step: 2, mismatch: 'the traces have 2 and 1 steps' });
  });

  it('count NaN of each trace alone, and those that both hold', () => {
    const withNaN = (...places: number[]) =>
      made((tensors) => {
        for (const place of places) tensors.get('hidden.values_RlD')!.data[place] = NaN;
      });
    const infinite = withNaN(0, 5, 7);
    infinite.steps[1]!.tensors.find(({ name }) => name === 'hidden.values_RlD')!.data[1] = Infinity;
    const alone = firstDifference(compareTraces(infinite, withNaN(0, 6)), 1);
    expect(alone).toMatchObject({ nans: { first: 2, second: 1, both: 1 }, at: { index: [0, 2, 1] } });
    const both = compareTraces(withNaN(0, 6), withNaN(0, 6));
    expect(firstDifference(both, 0)).toBeNull();
    expect(both.filter(({ nans }) => nans.both > 0)).toMatchObject([
      { name: 'hidden.values_RlD', nans: { first: 0, second: 0, both: 2 }, relative: 0, at: null },
    ]);
  });

  it('may read the newest tokens, which are those that the step before wrote', () => {
    const causal = (value: number): Trace => {
      const trace = made();
      const [first, second] = trace.steps as [TraceStep, TraceStep];
      const tensors = [filled('read.values_BlC', [2, 1, 3], value), ...second.tensors.slice(1)];
      return { ...trace, steps: [first, { ...second, reads: 'last', tensors }] };
    };
    const all = compareTraces(causal(1), causal(2));
    expect(firstDifference(all, 0)?.at).toMatchObject({ position: 0, scale: { number: 1, row: 0, column: 0 } });
  });
});

describe('the files of a trace', () => {
  let folder: string;
  beforeAll(async () => void (folder = await mkdtemp(join(tmpdir(), 'tessera-trace-'))));
  afterAll(() => rm(folder, { recursive: true }));

  it('give back what was written', async () => {
    const trace = made((tensors) => void (tensors.get('hidden.values_RlD')!.data[0] = NaN));
    await writeTrace(join(folder, 'whole'), trace);
    expect(await readTrace(join(folder, 'whole'))).toEqual(trace);
  });

  type Stored = Record<string, unknown> & { readonly steps: Record<string, unknown>[] };
  const layoutOf = (scales: unknown, length = 5) => ({ length, scales });
  const tensor = (name: string, shape: readonly number[]) => [{ name, shape }];

  it.each<[string, (json: Stored) => object, RegExp]>([
    ['no scale', () => ({ layout: layoutOf([]) }), /got layout\.scales = \[\]; expected a list of at least 1 entries/],
    [
      'a first scale behind 0',
      () => ({ layout: layoutOf([{ start: 1, height: 2, width: 2 }]) }),
      /got layout = .*; expected scale 1 to start at 0/,
    ],
    [
      'a scale without width',
      () => ({ layout: layoutOf([{ start: 0, height: 2, width: 0 }]) }),
      /got layout\.scales\[0\]\.width = 0; expected an integer of at least 1/,
    ],
    ['another length', () => ({ layout: layoutOf(layout.scales, 9) }), /expected a length of 5/],
    ['facts that are no object', () => ({ facts: null }), /got facts = null; expected an object/],
    ['steps out of order', ({ steps }) => ({ steps: [...steps].reverse() }), /got steps\[0\]\.index = 1; expected 0/],
    [
      'a position outside',
      ({ steps }) => ({ steps: [{ ...steps[0]!, written: [7] }] }),
      /got position 7 in steps\[0\]; expected less than 5/,
    ],
    [
      'a tensor of another step',
      ({ steps }) => ({ steps: [{ ...steps[0]!, tensors: tensor('step.2.read.values_BlC', [2, 4, 3]) }] }),
      /got the tensor "step\.2\.read\.values_BlC" in steps\[0\]/,
    ],
    [
      'an image without number',
      () => ({ images: tensor('image.rendered_HWC', [1]) }),
      /got the image "image\.rendered/,
    ],
    [
      'a shape that the tensors have not',
      () => ({ images: tensor('image.1.rendered_HWC', [4, 1]) }),
      /got "image\.1\.rendered_HWC" of shape \[2, 2, 1\]; expected the shape \[4, 1\] of trace\.json/,
    ],
    ['a tensor too many', () => ({ images: tensor('image.2.x_HWC', [1]) }), /got no tensor "image\.2\.x_HWC"/],
  ])('are refused with %s, in one sentence', async (_, damage, sentence) => {
    const path = join(folder, 'damaged', 'trace.json');
    await writeTrace(join(folder, 'damaged'), made());
    const json = JSON.parse(await readFile(path, 'utf8')) as Stored;
    await writeFile(path, JSON.stringify({ ...json, ...damage(json) }));
    await expect(readTrace(join(folder, 'damaged'))).rejects.toMatchObject({
      ...{ name: 'TesseraError', message: expect.stringMatching(sentence) as string },
    });
  });

  it('are refused where they are missing or no trace', async () => {
    await expect(readTrace(join(folder, 'none'))).rejects.toMatchObject({ code: 'trace-missing' });
    await writeTrace(join(folder, 'other'), made());
    await writeFile(join(folder, 'other', 'trace.json'), '{ "format": ');
    await expect(readTrace(join(folder, 'other'))).rejects.toMatchObject({ code: 'trace-malformed' });
    await writeFile(join(folder, 'other', 'trace.json'), '{ "format": "tessera-model" }');
    await expect(readTrace(join(folder, 'other'))).rejects.toThrow(/got format = "tessera-model"/);
  });
});

import { isTesseraError, TesseraError } from '@tessera/errors';
import { schema } from '@tessera/schema';
import { describe, expect, it } from 'vitest';
import {
  batchKey,
  imagesOfClasses,
  requestSchema,
  rowsOf,
  type GenerationRequest,
  type RequestBounds,
} from './index.ts';
import { classOf } from '@tessera/core';

const bounds: RequestBounds = {
  name: 'digits',
  condition: { name: 'digits', classes: 10, input: schema.integer({ min: 0, max: 9 }) },
  guidance: 'ramp',
  sizes: { bounds: { own: { height: 32, width: 32 }, step: 4, least: 16, most: 64 } },
  readOptions: (options) => {
    if (!('topK' in options)) return options;
    throw new TesseraError({ code: 'option-unknown', who: 'digits', got: 'topK', expected: 'none' });
  },
};

const read = (value: unknown, model: RequestBounds = bounds) => requestSchema(model).parse(value, model.name);

function codeOf(value: unknown, model?: RequestBounds): string {
  try {
    read(value, model);
  } catch (error) {
    if (isTesseraError(error)) return error.code;
    throw error;
  }
  return 'accepted';
}

const one = { images: imagesOfClasses([3]), seed: 0 };

describe('a request', () => {
  it('has a size that its model makes, and shares a batch with those of this size alone', () => {
    const sized = (width: number, height = 32): GenerationRequest => ({
      ...one,
      model: 'digits',
      size: { width, height },
    });
    expect(read(sized(64))).toMatchObject({ size: { width: 64, height: 32 } });
    expect(codeOf(sized(66))).toBe('size-unsupported');
    expect(codeOf({ ...one, size: { width: 32 } })).toBe('field-missing');
    expect(batchKey(sized(64), 'a')).toBe(batchKey(sized(64), 'b'));
    expect(batchKey(sized(64), 'a')).not.toBe(batchKey(sized(32), 'a'));
    const fixed = { ...bounds, sizes: { bounds: null, because: 'the backbone b knows the places of one size' } };
    expect(codeOf(sized(64), fixed)).toBe('size-unsupported');
  });

  it('says where in it an input is wrong', () => {
    const space = { name: 'told', classes: null, input: schema.object({ text: schema.string() }) };
    const told = { ...bounds, condition: space };
    const asking = (input: unknown) => () => read({ images: [{ condition: { kind: 'input', input } }], seed: 0 }, told);
    expect(asking({ text: 'a hat' })()).toMatchObject({ images: [{ condition: { input: { text: 'a hat' } } }] });
    const field = ['input', 'images', 'condition', 'input', 'text'];
    expect(asking({ text: 1 })).toThrow(
      expect.objectContaining({ code: 'field-invalid', parts: expect.objectContaining({ field }) }),
    );
  });

  it('is read as it was written, and stays the same in JSON', () => {
    const request: GenerationRequest = {
      model: 'digits',
      images: imagesOfClasses([3, -1]),
      seed: 5,
      guidance: 1.5,
      options: { topP: 0.9 },
      preview: 'linear',
      edit: { image: 'a', box: [0, 0.5, 1, 1], outside: true },
    };
    expect(read(request)).toEqual(request);
    expect(read(JSON.parse(JSON.stringify(request)))).toStrictEqual(request);
  });

  it('needs images and a seed alone', () => {
    expect(read(one)).toStrictEqual({ model: 'digits', ...one });
  });

  it('says in its JSON Schema what it takes', () => {
    expect(requestSchema(bounds).json).toMatchObject({
      properties: {
        images: { minItems: 1, items: { properties: { condition: { properties: { label: { maximum: 9 } } } } } },
        seed: { minimum: 0, maximum: Number.MAX_SAFE_INTEGER },
        preview: { enum: ['none', 'linear', 'decoded'] },
      },
      additionalProperties: false,
    });
  });

  it.each([
    [{ seed: 0 }, 'field-missing'],
    [{ labels: [3], seed: 0 }, 'field-unknown'],
    [{ ...one, images: [{ condition: { kind: 'text', text: 'a dog' } }] }, 'field-invalid'],
    [{ ...one, images: [{ condition: { kind: 'class', label: -1 } }] }, 'label-out-of-range'],
    [{ ...one, images: [{ condition: { kind: 'none', label: 3 } }] }, 'field-unknown'],
    [{ ...one, guidance: -1 }, 'guidance-out-of-range'],
    [{ ...one, guidance: NaN }, 'guidance-out-of-range'],
    [{ ...one, guidance: '2' }, 'field-invalid'],
    [{ ...one, options: { topK: 3 } }, 'option-unknown'],
    [{ ...one, options: [] }, 'field-invalid'],
    [{ ...one, preview: 'full' }, 'field-invalid'],
    [{ ...one, edit: { image: 'a', box: [0, 0, 1, 1], place: [0, 0, 1, 1] } }, 'edit-region-twice'],
    [{ ...one, edit: { image: 'a', outside: true } }, 'edit-outside-alone'],
    [{ ...one, edit: { image: 'a', box: [0, 0, 2, 1] } }, 'edit-box-invalid'],
    [{ ...one, edit: { box: [0, 0, 1, 1] } }, 'field-missing'],
  ])('%j: %s', (value, code) => {
    expect(codeOf(value)).toBe(code);
  });

  it('takes no guidance where the model has none', () => {
    expect(codeOf({ ...one, guidance: 0 }, { ...bounds, guidance: 'none' })).toBe('guidance-unsupported');
  });

  it('is refused in the words of its model', () => {
    expect(() => read({ images: imagesOfClasses([12]), seed: 0 })).toThrow(
      '[digits] got label 12; expected a label from 0 to 9, or -1 for no class. Choose a label of this model.',
    );
  });
});

describe('rows of a request', () => {
  it('gives image i the seed + i', () => {
    expect(rowsOf(read({ images: imagesOfClasses([3, -1, 9]), seed: 5 }))).toEqual([
      { seed: 5, condition: classOf(3) },
      { seed: 6, condition: classOf(-1) },
      { seed: 7, condition: classOf(9) },
    ]);
  });

  it.each([
    [[], 0, 'images-empty'],
    [[10], 0, 'label-out-of-range'],
    [[-2], 0, 'label-out-of-range'],
    [[0.5], 0, 'label-out-of-range'],
    [[NaN], 0, 'label-out-of-range'],
    [[0], -1, 'seed-out-of-range'],
    [[0], 0.5, 'seed-out-of-range'],
    [[0], NaN, 'seed-out-of-range'],
    [[0], Number.MAX_SAFE_INTEGER, 'accepted'],
    [[0, 1], Number.MAX_SAFE_INTEGER, 'seed-out-of-range'],
  ])('labels %j with seed %d: %s', (labels, seed, code) => {
    expect(codeOf({ images: imagesOfClasses(labels), seed })).toBe(code);
  });
});

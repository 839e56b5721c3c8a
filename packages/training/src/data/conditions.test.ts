import { schema } from '@tessera/schema';
import { describe, expect, it } from 'vitest';
import { askedOf } from '../evaluation/asked.ts';
import { checkConditions } from '../run/check-conditions.ts';
import { stripes } from '../testing/stripes.ts';
import { conditionsOf } from './conditions.ts';
import { byteSplit, type DataSet } from './data-set.ts';

const texts = { name: '@acme/text', classes: null, input: schema.object({ text: schema.string() }) };
const labels = { name: 'classes', classes: 2, input: schema.integer({ min: 0, max: 1 }) };

/** Four images with two texts each. */
function told(
  inputs: readonly (readonly unknown[])[] = [0, 1, 2, 3].map((n) => [{ text: `${n}` }, { text: `${n} too` }]),
) {
  const plain = stripes(4);
  const split = byteSplit({
    pixels: new Uint8Array(4 * 64),
    label_N: Int32Array.of(0, 1, 1, 0),
    image: plain.image,
    inputs,
  });
  return { ...plain, train: split, validation: split, test: split } satisfies DataSet;
}

const members = Int32Array.of(3, 0, 3);

describe('conditions of images', () => {
  it('are classes where the model has classes, else inputs', () => {
    const { train } = told();
    expect(conditionsOf(train, labels, { members: Int32Array.of(1, 0) })).toEqual([
      { kind: 'class', label: 1 },
      { kind: 'class', label: 0 },
    ]);
    const first = (text: string) => ({ kind: 'input', input: { text } });
    expect(conditionsOf(train, texts, { members })).toEqual([first('3'), first('0'), first('3')]);
  });

  it('are each of the inputs in turn by the number of the batch, the same each time', () => {
    const { train } = told();
    const of = (number: number) => JSON.stringify(conditionsOf(train, texts, { members, key: { seed: 1, number } }));
    expect(of(5)).toBe(of(5));
    const seen = new Set(Array.from({ length: 40 }, (_, number) => of(number)));
    expect(seen.size).toBe(8); // two texts for each of three images
  });

  it('go with the images into a split of some of them', () => {
    const { pixels, image } = { pixels: new Uint8Array(192), image: stripes(1).image };
    const inputs = [['a'], ['b'], ['c']];
    const some = byteSplit({ pixels, image, label_N: Int32Array.of(0, 0, 0), inputs }, Int32Array.of(2, 0));
    expect(some.inputs).toEqual([['c'], ['a']]);
  });

  it.each([
    [undefined, 'no inputs for the training images; expected what the condition @acme/text reads'],
    [[[{ text: 'a' }], [], [], []], 'no input for image 1 of the training images'],
    [[[{ text: 1 }], [{ text: 'a' }], [{ text: 'b' }], [{ text: 'c' }]], 'text = 1'],
  ])('are refused before any work: %j', (inputs, said) => {
    const data = inputs ? told(inputs as unknown[][]) : stripes(4);
    expect(() => checkConditions('micro', texts, data)).toThrow(said);
  });
});

describe('what a model is measured on', () => {
  it('is each class in turn, or the inputs of the test images', () => {
    expect([...askedOf(labels, null, 5).label_N]).toEqual([0, 1, 0, 1, 0]);
    const asked = askedOf(texts, told(), 6);
    expect(asked.conditions.map((one) => (one.kind === 'input' ? one.input : null))).toEqual(
      ['0', '1', '2', '3', '0', '1'].map((text) => ({ text })),
    );
    expect([[...asked.label_N], [...asked.member_N!]]).toEqual([
      [0, 1, 1, 0, 0, 1],
      [0, 1, 2, 3, 0, 1],
    ]);
    expect(() => askedOf(texts, stripes(4), 2)).toThrow(expect.objectContaining({ code: 'inputs-missing' }));
  });
});

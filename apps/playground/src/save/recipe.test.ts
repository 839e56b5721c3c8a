import { expect, it } from 'vitest';
import type { Model, StoredGeneration } from '../api/operations.ts';
import { readingsOf } from '../settings/classes.tsx';
import { fileName, readRecipe, recipeAddress, recipeOf, repeatAddress } from './recipe.ts';

const image = (label: number, seed: number): StoredGeneration['images'][number] => ({
  seed,
  condition: label === -1 ? { __typename: 'NoCondition' } : { __typename: 'ClassCondition', label },
  picture: null,
});
const generation = {
  id: 'g',
  modelName: 'shapes',
  guidance: 1.5,
  options: { topP: 0.9 },
  images: [image(1, 40), image(1, 41)],
} as unknown as StoredGeneration;
const model = {
  name: 'shapes',
  classes: [
    { label: 0, name: '1' },
    { label: 1, name: 'Blue / red' },
  ],
} as unknown as Model;

it('holds all that makes one picture again, and survives being written', () => {
  const recipe = recipeOf(generation, 1, model);
  expect(readRecipe(JSON.stringify(recipe))).toEqual({
    tessera: 1,
    generation: 'g',
    image: 1,
    model: 'shapes',
    label: 1,
    class: 'Blue / red',
    seed: 41,
    guidance: 1.5,
    options: { topP: 0.9 },
  });
  expect(fileName(recipe)).toBe('shapes-Blue-red-seed41');
  expect(fileName(recipeOf({ ...generation, images: [image(-1, 3)] }, 0, undefined))).toBe('shapes-no-class-seed3');
});

it('holds the words that a picture was asked for with, in the file and in the address', () => {
  const shown = {
    ...image(-1, 40),
    condition: { __typename: 'InputCondition', input: { text: 'a red hat' } } as const,
  };
  const texts = { ...generation, images: [shown, { ...shown, seed: 41 }] };
  const recipe = readRecipe(JSON.stringify(recipeOf(texts, 1, undefined)));
  expect(recipe).toMatchObject({ label: -1, input: { text: 'a red hat' }, seed: 41 });
  expect(fileName(recipe)).toBe('shapes-a-red-hat-seed41');
  const again = new URLSearchParams(repeatAddress(texts).slice(2));
  expect(['label', 'shapes.input.text', 'count', 'seed'].map((name) => again.get(name))).toEqual([
    null,
    'a red hat',
    '2',
    '40',
  ]);
});

it('becomes an address that names exactly this class', () => {
  const wanted = new URLSearchParams(recipeAddress({ ...recipeOf(generation, 1, model), count: 1 }).slice(2));
  expect(Object.fromEntries(wanted)).toEqual({
    model: 'shapes',
    label: 'number:1',
    count: '1',
    seed: '41',
    'shapes.guidance': '1.5',
    'shapes.options.topP': '0.9',
  });
  // The name of class 0 is "1": the number alone could mean either.
  expect(readingsOf(wanted.get('label')!, model.classes)).toEqual([1]);
});

it('repeats all images that count on from one seed, else the first', () => {
  const counted = (images: readonly ReturnType<typeof image>[]) =>
    new URLSearchParams(repeatAddress({ ...generation, images }).slice(2)).get('count');
  expect(counted(generation.images)).toBe('2');
  expect(counted([image(1, 40), image(2, 41)])).toBe('1');
  expect(counted([image(1, 40), image(1, 99)])).toBe('1');
  const edit = { image: {} } as unknown as StoredGeneration['edit'];
  expect(repeatAddress({ ...generation, edit })).toBe('/edit?again=g');
});

it.each([
  ['{', 'they are no JSON'],
  ['null', 'they are no object'],
  ['{"tessera":2}', 'they are of version 2, and this page reads version 1'],
  ['{"tessera":1}', 'they name no model'],
  ['{"tessera":1,"model":"m","label":0}', 'class or seed is missing'],
  ['{"tessera":1,"model":"m","label":0,"seed":1,"guidance":"x"}', 'guidance is no number'],
  ['{"tessera":1,"model":"m","label":0,"seed":1,"options":3}', 'options are no object'],
  ['{"tessera":1,"model":"m","label":0,"seed":1,"edit":{"width":2}}', 'their mask makes no sense'],
  [
    '{"tessera":1,"model":"m","label":0,"seed":1,"edit":{"width":1,"height":1,"runs":[1],"place":{"x0":0,"y0":0,"x1":1,"y1":1}}}',
    'their edit names no result',
  ],
])('tells what is wrong with %s', (text, message) => {
  expect(() => readRecipe(text)).toThrow(message);
});

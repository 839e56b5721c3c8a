import { describe, expect, it } from 'vitest';
import type { Model } from '../api/operations.ts';
import { wordsOf } from '../api/label.ts';
import { readRecipe, writeRecipe } from './recipe.ts';
import { inputFields, settingsOf, toInput } from './settings.ts';
import { shapes } from './shapes.fixture.ts';

const told: Model = {
  ...shapes,
  name: 'told',
  classes: [],
  condition: { classes: null, schema: { type: 'object', properties: { text: { type: 'string' } } } },
};
const recipe = (search: string) => readRecipe(new URLSearchParams(search), [told]);

describe('a model that is told in words', () => {
  const { settings, notes } = recipe('model=told&seed=5&told.input.text=a red hat');

  it('is asked for what was typed, for nothing where nothing was, and keeps it in the address', () => {
    expect(notes).toEqual([]);
    expect(toInput(settings, [told]).images).toEqual([{ condition: { input: { text: 'a red hat' } }, count: 4 }]);
    const empty = { ...settings, own: { told: { guidance: 1, options: {}, input: { text: '' } } } };
    expect(toInput(empty, [told]).images).toEqual([{ count: 4 }]);
    const address = writeRecipe(settings, [told]);
    expect([address.get('label'), address.get('told.input.text')]).toEqual([null, 'a red hat']);
    expect(recipe(String(address)).settings).toEqual(settings);
  });

  it('is asked for the same again', () => {
    const condition = { __typename: 'InputCondition' as const, input: { text: 'a red hat' } };
    const made = {
      id: 'g',
      modelName: 'told',
      seed: 5,
      guidance: 3,
      size: null,
      options: {},
      images: [{ seed: 5, condition }],
    };
    const again = toInput(settingsOf(made, told), [told]);
    expect(again.images).toEqual([{ condition: { input: { text: 'a red hat' } }, count: 1 }]);
  });
});

it('is told in pictures where the schema says so, and names them in a word', () => {
  const picture = { height: 16, width: 16, channels: 3 };
  const schema = { type: 'object', properties: { picture: { type: 'string', picture } } };
  const [field] = inputFields({ ...told, condition: { classes: null, schema } });
  expect(field).toMatchObject({ kind: 'picture', label: 'Picture', size: { height: 16, width: 16 } });
  const condition = { __typename: 'InputCondition' as const, input: { picture: 'data:image/bmp;base64,AAAA' } };
  expect(wordsOf({ condition })).toBe('a picture');
  const several = { ...condition, input: { ...condition.input, blur: 2 } };
  expect(wordsOf({ condition: several })).toBe('{"picture":"a picture","blur":2}');
});

import { describe, expect, it } from 'vitest';
import { modelOf } from '../api/model-of.ts';
import { copyAs } from '../copy-as/copy-as.ts';
import { readRecipe, writeRecipe } from './recipe.ts';
import { settingsOf, toInput } from './settings.ts';
import { shapes } from './shapes.fixture.ts';
import { offeredSizes, readSize, seenAt, sizeBounds } from './sizes.ts';

const recipe = (search: string) => readRecipe(new URLSearchParams(search), [shapes]);

describe('sizes of pictures', () => {
  it('are offered within the bounds of the model, its own first', () => {
    expect(offeredSizes(shapes)).toEqual(['8x8', '12x8', '16x8', '8x12', '8x16', '4x4', '12x12', '16x16']);
    expect(offeredSizes({ ...shapes, sizes: null })).toEqual([]);
    expect(readSize('16x12', shapes)).toEqual({ width: 16, height: 12 });
    for (const text of ['20x8', '10x8', '8', 'x', '8x8x8', '-8x8', '2x8'])
      expect(readSize(text, shapes)).toBe(undefined);
    expect(sizeBounds(shapes)).toBe('a size like 8x8: sides from 4 to 16, in steps of 4');
  });

  it('are what a model sees of a picture, and its grid', () => {
    const seen = seenAt(shapes, '16x8');
    expect([seen.image, seen.tokens, seen.layout.at(-1)]).toMatchObject([
      { width: 16, height: 8, channels: 3 },
      shapes.tokens * 2,
      { width: 2 * shapes.layout.at(-1)!.width, height: shapes.layout.at(-1)!.height },
    ]);
    expect([seenAt(shapes, undefined), seenAt(shapes, '8x8'), seenAt(shapes, '99x8')]).toEqual(Array(3).fill(shapes));
  });

  it('stand in addresses, which say what they cannot have', () => {
    const { settings, notes } = recipe('shapes.size=16x8&count=2');
    expect([notes, toInput(settings, [shapes]).size]).toEqual([[], { width: 16, height: 8 }]);
    expect(recipe(String(writeRecipe(settings, [shapes]))).settings).toEqual(settings);
    expect(recipe('shapes.size=99x8').notes).toEqual([
      '“shapes.size=99x8”: expected a size like 8x8: sides from 4 to 16, in steps of 4. Taken instead: 8x8.',
    ]);
    const own = recipe('shapes.size=8x8').settings;
    expect([own.own['shapes']!.size, toInput(own, [shapes]).size]).toEqual([undefined, undefined]);
  });

  it('are those of what was made: its picture, its maps, what is asked for again and copied', () => {
    const layout = [{ start: 0, height: 2, width: 4 }];
    const images = [{ seed: 1, condition: { __typename: 'ClassCondition' as const, label: 0 } }];
    const size = { width: 16, height: 8 };
    const made = { id: 'g', modelName: 'shapes', seed: 1, guidance: 1, size, layout, options: {}, images };
    const model = modelOf([shapes], 'shapes', made)!;
    expect(model).toMatchObject({ image: { width: 16, height: 8, channels: 3 }, layout, tokens: 8 });
    expect(modelOf([shapes], 'shapes', made)).toBe(model);
    expect(modelOf([shapes], 'shapes', { size: null, layout })).toBe(shapes);
    const input = toInput(settingsOf(made, model), [shapes]);
    expect(input.size).toEqual(size);
    expect(copyAs('tessera', { input, origin: '', withKey: false })).toContain(' --size 16x8 ');
  });

  it('leave out the details of tokens where there are more of them than a server tells', () => {
    const many = { ...shapes, tokens: 1024, layout: [{ start: 0, height: 32, width: 32 }] };
    const details = (search: string) =>
      toInput(readRecipe(new URLSearchParams(search), [many]).settings, [many]).details;
    expect([details('count=2'), details('count=2&shapes.size=16x16'), details('count=1&shapes.size=12x8')]).toEqual([
      true,
      false,
      true,
    ]);
  });
});

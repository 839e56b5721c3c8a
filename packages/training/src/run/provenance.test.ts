import { readFile } from 'node:fs/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Recipe, recipeSchema } from '../recipe/recipe.ts';
import { generatorProvenance, judgeProvenance, tokenizerProvenance } from './provenance.ts';

let json: { data: object; model: object };
beforeAll(async () => {
  const text = await readFile(new URL('../../../../recipes/micro-mar.json', import.meta.url), 'utf8');
  json = JSON.parse(text) as typeof json;
});

const digests = { images: 'a', labels: 'b', validation: 'c', attributes: 'd' };
const with_ = (data: object): Recipe => recipeSchema.parse({ ...json, data: { ...json.data, ...data } }, 'micro');
const stages = (data: object) => {
  const run = { recipe: with_(data), digests };
  const { recipe: judge } = judgeProvenance(run);
  const { recipe: tokenizer } = tokenizerProvenance(run, null);
  const { recipe: generator } = generatorProvenance(run, null);
  return { judge, tokenizer, generator };
};

/** The stages that learn something else with these fields of data. */
function changed(data: object): string[] {
  const [before, after] = [stages({}), stages(data)];
  return (['judge', 'tokenizer', 'generator'] as const).filter((name) => before[name] !== after[name]);
}

it('knows the checkpoints of trainings from before conditions were parts', () => {
  const { generator } = stages({});
  expect(generator).toBe('b537351eef92ee6d3394b87017c0f7623cdc5762a9285d0c380547f62f17eec2');
});

describe('how images vary', () => {
  it.each([
    [{ flips: true }, ['judge', 'tokenizer', 'generator']],
    [{ shift: 2 }, ['judge', 'tokenizer']],
    [{ brightness: 0.1 }, ['judge', 'tokenizer']],
    [{ contrast: 0.1 }, ['judge', 'tokenizer']],
    [{ saturation: 0.1 }, ['judge', 'tokenizer']],
    [{ hue: 0.1 }, ['judge', 'tokenizer']],
    [{ shift: 2, copies: 1 }, ['judge', 'tokenizer', 'generator']],
    [{ flips: false, shift: 0, hue: 0, copies: 0 }, []],
  ])('%o changes what %o learn', (data, names) => {
    expect(changed(data)).toEqual(names);
  });
});

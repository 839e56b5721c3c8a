import { disposeAll } from '@tessera/core';
import type { Engine } from '@tessera/engine';
import { freshWeights } from '@tessera/models';
import type { DataSet } from '../data/data-set.ts';
import type { Recipe } from '../recipe/recipe.ts';
import { encodeImages, type EncodedSplit } from '../trainer/encoded-split.ts';
import { generatorStage } from '../trainer/generator-stage.ts';
import type { Stage } from '../trainer/stage.ts';
import { buildTrained } from './build-trained.ts';
import type { RecipeParts } from './parts.ts';

/** Stage two on one image again and again, as an untrained tokenizer encodes it: what images show costs nothing. */
export async function freshGenerator(
  { generator, seed }: Recipe,
  recipeParts: RecipeParts,
  { engine, data }: { engine: Engine; data: DataSet },
): Promise<Stage & { dispose(): void }> {
  const { plugin } = recipeParts.parts.tokenizer;
  const context = { engine, weights: freshWeights(seed) };
  const tokenizer = plugin.build(recipeParts.facts.configs.tokenizer, context);
  const weights = { backbone: freshWeights(seed), head: freshWeights(seed) };
  const built = buildTrained(engine, recipeParts, { tokenizer, weights });
  const { name, shape, values } = await encodeImages(tokenizer, await data.train.read(Int32Array.of(0)), 1);
  const split: EncodedSplit = {
    count: 1,
    copies: 1,
    label_N: Int32Array.of(-1),
    name,
    shape,
    read: ({ length }) => repeated(values, length),
  };
  const encoded = { train: split, validation: split };
  const stage = generatorStage({ engine, tokenizer, ...built, weights, encoded, recipe: generator!, seed });
  const held = [stage, built.backbone, built.head, tokenizer, weights.backbone, weights.head, context.weights];
  return { ...stage, dispose: () => disposeAll(held) };
}

function repeated<T extends Int32Array | Float32Array>(values: T, times: number): T {
  const all = new (values.constructor as new (length: number) => T)(times * values.length);
  for (let i = 0; i < times; i++) all.set(values, i * values.length);
  return all;
}

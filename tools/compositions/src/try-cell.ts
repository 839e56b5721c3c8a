import {
  classOf,
  type Composition,
  linearGuidance,
  optionsOf,
  type PartFacts,
  type Parts,
  type Pixels,
  optionReader,
  sample,
} from '@tessera/core';
import { keyedRng } from '@tessera/engine';
import { freshWeights } from '@tessera/models';
import { buildTrained, type GeneratorRecipe, generatorStage, type Stage } from '@tessera/training';
import { type Cell, factsOf, type Setup, nameOf, partsOf, type Refusal } from './cell.ts';

/** What became of a cell whose parts agree. */
export interface Trained {
  /** Mean loss of the same held-out batches before the training and after it. */
  readonly loss: readonly [before: number, after: number];
  /** One a label. */
  readonly images: readonly Pixels[];
}

/** Trains a cell's backbone and head and draws with them, or says why its parts are refused. */
export async function tryCell(cell: Cell, setup: Setup): Promise<Trained | Refusal> {
  const parts = partsOf(cell, setup);
  const facts = factsOf(parts);
  if ('code' in facts) return facts;
  const { engine, seed } = setup;
  const { tokenizer, encoded } = setup.tokenizers[cell.tokenizer];
  const weights = { backbone: freshWeights(seed), head: freshWeights(seed) };
  const built = buildTrained(engine, { parts, facts }, { tokenizer, weights });
  const composition = { tokenizer, ...built };
  const recipe = recipeOf(composition, setup.recipe);
  const stage = generatorStage({ engine, ...composition, weights, encoded, recipe, seed, condition: facts.condition });
  try {
    const loss = await train(stage);
    return { loss, images: await draw(composition, { parts, facts, cell, setup }) };
  } finally {
    for (const part of [stage, built.backbone, built.head, weights.backbone, weights.head]) part.dispose();
  }
}

/** Rates of masking are for those alone who draw a cut by them. */
function recipeOf({ tokenizer, order, backbone }: Composition, recipe: GeneratorRecipe): GeneratorRecipe {
  const byRate = backbone.reads === 'known' && order.stops(tokenizer.layout) === null;
  return { ...recipe, masking: byRate ? recipe.masking : null };
}

async function train(stage: Stage): Promise<Trained['loss']> {
  const before = await heldOut(stage);
  for (let step = 0; step < stage.steps; step++) {
    const batches = await stage.batches(step);
    await stage.trainStep.run(batches, stage.hyper(step));
    for (const batch of batches) for (const tensor of Object.values(batch)) tensor.dispose();
  }
  await stage.trainStep.sync('params');
  return [before, await heldOut(stage)];
}

async function heldOut(stage: Stage): Promise<number> {
  return (await stage.validate!())['validation.loss'] as number;
}

interface Drawing {
  readonly parts: Parts;
  readonly facts: PartFacts;
  readonly cell: Cell;
  readonly setup: Setup;
}

async function draw(composition: Composition, { parts, facts, cell, setup }: Drawing): Promise<Pixels[]> {
  const optional = { order: parts.order.plugin, head: parts.head.plugin, ...facts };
  const known = Object.keys(optionsOf(optional).properties);
  const given = Object.fromEntries(Object.entries(setup.options).filter(([name]) => known.includes(name)));
  const rows = setup.labels.map((label, i) => ({ seed: setup.seed + i, condition: classOf(label) }));
  const events = sample(composition, {
    rows,
    guidance: linearGuidance(setup.guidance),
    kept: null,
    options: optionReader(optional)(given, nameOf(cell)),
    preview: 'none',
    rng: keyedRng(rows.map(({ seed }) => seed)),
    signal: new AbortController().signal,
    written: [],
  });
  const images: Pixels[] = [];
  for await (const event of events) if (event.type === 'image') images[event.row] = event.pixels;
  return images;
}

import { mostGuidance, type PreviewKind } from '@tessera/core';
import { schema, type Field } from '@tessera/schema';
import { folderName } from '@tessera/models';
import { anything, byKind, nullable, record } from './fields.ts';
import { maskingDefaults } from './masking.ts';
import { trainingFields } from './optimiser.ts';
import type {
  DataRecipe,
  GeneratorRecipe,
  JudgeRecipe,
  KlRecipe,
  ModelRecipe,
  Recipe,
  TakenTokenizer,
  TokenizerRecipe,
  VqRecipe,
} from './recipe.ts';

const { object, integer, number, string, boolean, choice, list, optional, refine } = schema;
const share = number({ min: 0, max: 1 });
const count = integer({ min: 1 });
const files = object({ images: string(), labels: string() });
const preview: Field<PreviewKind> = choice('none', 'linear', 'decoded');
const linear: PreviewKind = 'linear';
const held = optional(integer({ min: 0 }), 1000);

const limit = optional(integer({ min: 0 }), 0);

const data: Field<DataRecipe> = byKind({
  mnist: object({ kind: choice('mnist'), size: count, validation: held, limit }),
  idx: object({
    kind: choice('idx'),
    train: files,
    test: files,
    size: count,
    validation: held,
    classes: optional(list(string()), []),
    limit,
  }),
  folder: object({
    kind: choice('folder'),
    path: string(),
    size: count,
    channels: optional(integer({ min: 1, max: 3 }), 3),
    validation: optional(share, 0.05),
    test: optional(share, 0.05),
    flips: optional(boolean(), false),
    limit,
  }),
});

const judge: Field<JudgeRecipe> = byKind({
  shipped: object({ kind: choice('shipped'), name: folderName }),
  train: object({
    kind: choice('train'),
    widths: list(count, { min: 2 }),
    shift: optional(integer({ min: 0 }), 0),
    ...trainingFields,
  }),
});

const part = object({ plugin: string(), config: anything });
const model: Field<ModelRecipe> = object({
  tokenizer: part,
  order: part,
  backbone: part,
  head: part,
  defaults: object({
    guidance: object({
      kind: choice('none', 'ramp', 'linear', 'constant'),
      scale: number({ min: 0, max: mostGuidance }),
    }),
    options: optional(record, {}),
    preview: optional(preview, linear),
  }),
});

const reconstruction = {
  l1: optional(number({ min: 0 }), 1),
  l2: optional(number({ min: 0 }), 1),
  perceptual: optional(number({ min: 0 }), 0),
  adversarial: optional(
    nullable(
      object({
        weight: number({ min: 0 }),
        from: optional(share, 0.5),
        width: optional(count, 32),
        levels: optional(count, 3),
      }),
    ),
    null,
  ),
} as const;

const codebook = object({
  startImages: optional(integer({ min: 0 }), 512),
  deadBelow: optional(share, 0.03),
  reviveUntil: optional(share, 0.6),
  reviveEvery: optional(count, 50),
});

const vq: Field<VqRecipe> = object({
  kind: choice('vq'),
  ...trainingFields,
  loss: object(reconstruction),
  codebook: optional(codebook, { startImages: 512, deadBelow: 0.03, reviveUntil: 0.6, reviveEvery: 50 }),
});

const kl: Field<KlRecipe> = object({
  kind: choice('kl'),
  ...trainingFields,
  loss: object({ ...reconstruction, kl: number({ min: 0 }) }),
});

const taken: Field<TakenTokenizer> = object({ kind: choice('model'), model: string() });

const tokenizer: Field<TokenizerRecipe | TakenTokenizer> = refine(byKind({ vq, kl, model: taken }), (stage) =>
  stage.kind !== 'model' && stage.loss.adversarial && stage.accumulate > 1
    ? 'accumulate = 1 with an adversarial loss: the discriminator sees one batch'
    : null,
);

const generator: Field<GeneratorRecipe> = object({
  ...trainingFields,
  labelDrop: optional(share, 0.1),
  progressive: optional(nullable(object({ until: share, first: count, fade: optional(integer({ min: 0 }), 0) })), null),
  masking: optional(
    nullable(
      object({
        leastRate: share,
        deviation: optional(number({ min: 0.01, max: 10 }), maskingDefaults.deviation),
        programs: optional(count, maskingDefaults.programs),
      }),
    ),
    null,
  ),
});

/** Reads untrusted JSON into a recipe, or says in one sentence which field is wrong. */
export const recipeSchema: Field<Recipe> = object({
  format: choice('tessera-recipe'),
  version: integer({ min: 1, max: 1 }),
  name: folderName,
  title: string(),
  description: optional(string(), ''),
  licence: optional(string(), 'unknown'),
  seed: optional(integer({ min: 0 }), 0),
  data,
  judge: optional(nullable(judge), null),
  model: optional(nullable(model), null),
  tokenizer: optional(nullable(tokenizer), null),
  generator: optional(nullable(generator), null),
  evaluation: optional(object({ samples: optional(count, 1000), neighbours: optional(count, 16) }), {
    samples: 1000,
    neighbours: 16,
  }),
});

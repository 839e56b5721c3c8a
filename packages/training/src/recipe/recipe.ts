import { mostGuidance, type PreviewKind } from '@tessera/core';
import { folderName } from '@tessera/models';
import { type Field, schema } from '@tessera/schema';
import { dataFields } from '../data/data-kinds.ts';
import { generatorFields } from '../generator/objective.ts';
import { judgeFields } from '../judge/judge-stage.ts';
import { anything, type FieldType, nullable, record } from '../schema/fields.ts';
import { tokenizerFields } from '../tokenizers/trainable-tokenizers.ts';

const { object, integer, number, string, choice, optional } = schema;
const count = integer({ min: 1 });

/** A plug-in by name. It checks its own configuration. */
const part = object({ plugin: string(), config: anything });

const model = object({
  tokenizer: part,
  order: part,
  backbone: part,
  head: part,
  /** The settings of `generate` that the model is shipped with. They may change after training. */
  defaults: object({
    guidance: object({
      kind: choice('none', 'ramp', 'linear', 'constant'),
      scale: number({ min: 0, max: mostGuidance }),
    }),
    options: optional(record, {}),
    preview: optional(choice<PreviewKind>('none', 'linear', 'decoded'), 'linear'),
  }),
});

/** Section `model` of a recipe: the four parts, and the defaults. */
export type ModelRecipe = FieldType<typeof model>;

const recipe = object({
  format: choice('tessera-recipe'),
  version: integer({ min: 1, max: 1 }),
  name: folderName,
  title: string(),
  description: optional(string(), ''),
  licence: optional(string(), 'unknown'),
  /** Decides initial parameters, the order of images, masks and every other random number. */
  seed: optional(integer({ min: 0 }), 0),
  data: dataFields,
  judge: optional(nullable(judgeFields), null),
  model: optional(nullable(model), null),
  tokenizer: optional(nullable(tokenizerFields), null),
  generator: optional(nullable(generatorFields), null),
  evaluation: optional(object({ samples: optional(count, 1000), neighbours: optional(count, 16) }), {
    samples: 1000,
    neighbours: 16,
  }),
});

/** A training from data to a model folder, as JSON. Each section is declared where it is used. */
export type Recipe = FieldType<typeof recipe>;

/** Parses untrusted JSON into a recipe, or names the wrong field in one sentence. */
export const recipeSchema: Field<Recipe> = recipe;

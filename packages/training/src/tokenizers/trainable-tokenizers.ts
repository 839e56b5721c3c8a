import { type Field, schema } from '@tessera/schema';
import { byKind, fieldsOf, type FieldType } from '../schema/fields.ts';
import { klTrainer } from './kl.ts';
import type { MeasuredConfig, TokenizerTrainer } from './tokenizer-training.ts';
import { vqTrainer } from './vq.ts';

/** All ways to train a tokenizer, by `tokenizer.kind` of a recipe. A new way is one more entry. */
const trainers = { vq: vqTrainer, kl: klTrainer };

type Trainers = typeof trainers;
type Kind = keyof Trainers;

/** Stage one that trains. */
export type TokenizerRecipe = { [K in Kind]: FieldType<Trainers[K]['fields']> }[Kind];

const taken = schema.object({
  kind: schema.choice('model'),
  /** The name of a model, or the path of its folder. */
  model: schema.string(),
});

/** Stage one without training: the weights of another model's tokenizer. */
export type TakenTokenizer = FieldType<typeof taken>;

/** Section `tokenizer` of a recipe: stage one. */
export const tokenizerFields: Field<TokenizerRecipe | TakenTokenizer> = schema.refine(
  byKind({ ...fieldsOf(trainers), model: taken }),
  (stage) =>
    stage.kind !== 'model' && stage.loss.adversarial && stage.accumulate > 1
      ? 'accumulate = 1 with an adversarial loss: the discriminator sees one batch'
      : null,
);

/** The trainer of a recipe's stage one. */
export function trainerOf({ kind }: TokenizerRecipe): TokenizerTrainer<TokenizerRecipe> {
  return trainers[kind] as TokenizerTrainer<TokenizerRecipe>;
}

/** The kind of stage that trains tokenizers of this plug-in, or null. */
export function trainedBy(plugin: string): Kind | null {
  const found = Object.entries(trainers).find(([, { plugins }]) => Object.hasOwn(plugins, plugin));
  return found ? (found[0] as Kind) : null;
}

/** Third-party plug-ins know their whole configuration before training. */
const nothingMeasured: MeasuredConfig = { fixed: [], initial: (config) => config, measure: async () => ({}) };

/** What is measured of trained tokenizers of this plug-in. */
export function measuredConfigOf(plugin: string): MeasuredConfig {
  const kind = trainedBy(plugin);
  return (kind && trainers[kind].plugins[plugin]) ?? nothingMeasured;
}

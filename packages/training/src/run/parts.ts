import { checkParts, type PartFacts, type Parts } from '@tessera/core';
import { TesseraError } from '@tessera/errors';
import { resolveParts, type Plugins } from '@tessera/models';
import type { ModelRecipe, Recipe } from '../recipe/recipe.ts';
import { measuresOf, trainedBy } from '../tokenizers/tokenizer-kinds.ts';

/** The parts that a recipe names, checked against each other. */
export interface RecipeParts {
  readonly parts: Parts;
  readonly facts: PartFacts;
}

/**
 * Finds the plug-ins of a recipe, its own first, and checks that they agree.
 * @throws TesseraError `recipe-incomplete` for a recipe without a model or without a stage that its tokenizer needs, `recipe-tokenizer`, `recipe-misfit`,
 * `plugin-unknown`, and what `checkParts` throws
 */
export function partsOf({ name: who, model, tokenizer: stage }: Recipe, extra: Partial<Plugins> = {}): RecipeParts {
  if (!model) throw new TesseraError({ code: 'recipe-incomplete', who, got: 'no model', expected: 'one to train' });
  const parts = resolveParts(model, who, extra);
  const tokenizer = { ...parts.tokenizer, config: draftOf(model, stage, who) };
  const drafted = { ...parts, tokenizer };
  return { parts: drafted, facts: checkParts(drafted) };
}

/** The tokenizer's configuration before anything was measured; a stage that trains must be of the kind that the plug-in wants. */
function draftOf({ tokenizer }: ModelRecipe, stage: Recipe['tokenizer'], who: string): object {
  const config = tokenizer.config as object;
  const kind = trainedBy(tokenizer.plugin);
  if (!stage && kind) throw untrained(who, tokenizer.plugin);
  if (!stage) return config;
  if (stage.kind === 'model' || stage.kind === kind) return measuresOf(tokenizer.plugin).draft(config, who);
  throw new TesseraError({
    code: 'recipe-tokenizer',
    who,
    got: `the tokenizer ${tokenizer.plugin} with a stage of the kind ${stage.kind}`,
    expected: kind ? `a stage of the kind ${kind}` : 'another plug-in: no stage trains this one',
    next: kind
      ? 'Correct model.tokenizer.plugin or tokenizer.kind.'
      : 'Leave the section tokenizer out if it has no parameters; else take its weights by tokenizer.kind = model.',
  });
}

/** Error `recipe-incomplete`, of a tokenizer that has parameters and no stage. */
export function untrained(who: string, tokenizer: string): TesseraError {
  return new TesseraError({
    code: 'recipe-incomplete',
    who,
    got: `no section tokenizer with the tokenizer ${tokenizer}`,
    expected: 'a stage that trains it, or a model to take it from',
    next: 'Add the section tokenizer: only a tokenizer without parameters goes without.',
  });
}

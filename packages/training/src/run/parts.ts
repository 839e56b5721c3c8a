import { checkParts, type PartFacts, type Parts } from '@tessera/core';
import { TesseraError } from '@tessera/errors';
import { builtInPlugins, type Plugins } from '@tessera/models';
import { vqTokenizer, type VqConfig } from '@tessera/tokenizer-vq';
import type { ModelRecipe } from '../recipe/recipe.ts';

/** The parts that a recipe names, checked against each other. */
export interface RecipeParts {
  readonly parts: Parts;
  readonly facts: PartFacts;
  /** The tokenizer's configuration: what stage one trains. */
  readonly vqConfig: VqConfig;
}

/**
 * Finds the plug-ins of a recipe, its own first, and checks that they agree.
 * @throws TesseraError `plugin-unknown`, `recipe-tokenizer`, and what `checkParts` throws
 */
export function partsOf(model: ModelRecipe, who: string, extra: Partial<Plugins> = {}): RecipeParts {
  const find = <P extends { readonly name: string }>(kind: keyof Plugins, name: string): P => {
    const known = [...(extra[kind] ?? []), ...builtInPlugins[kind]] as unknown as readonly P[];
    const plugin = known.find((one) => one.name === name);
    if (plugin) return plugin;
    const expected = `one of ${known.map((one) => one.name).join(', ')}`;
    throw new TesseraError({ code: 'plugin-unknown', who, got: `the plug-in ${name} among its ${kind}`, expected });
  };
  const { tokenizer, order, backbone, head } = model;
  if (tokenizer.plugin !== vqTokenizer.name) {
    const got = `the tokenizer ${tokenizer.plugin}`;
    throw new TesseraError({
      code: 'recipe-tokenizer',
      who,
      got,
      expected: `${vqTokenizer.name}, which stage one trains`,
    });
  }
  const parts: Parts = {
    tokenizer: { plugin: find('tokenizers', tokenizer.plugin), config: tokenizer.config },
    order: { plugin: find('orders', order.plugin), config: order.config },
    backbone: { plugin: find('backbones', backbone.plugin), config: backbone.config },
    head: { plugin: find('heads', head.plugin), config: head.config },
  };
  return { parts, facts: checkParts(parts), vqConfig: vqTokenizer.config.parse(tokenizer.config, who) };
}

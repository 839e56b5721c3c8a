import type { BuildContext, Tokenizer, TokenizerFacts, TokenizerPlugin } from '@tessera/core';
import { type OutputOf, schemaFrom, type StandardSchema } from '@tessera/schema';
import { checkDefinition } from './any-plugin.ts';

/** A tokenizer as its author writes it: a schema of any library of Standard JSON Schema. */
export interface TokenizerDefinition<C extends StandardSchema, T extends Tokenizer> extends Pick<
  TokenizerPlugin,
  'contract' | 'name' | 'package'
> {
  readonly config: C;
  describe(config: OutputOf<C>): TokenizerFacts;
  build(config: OutputOf<C>, context: BuildContext): T;
}

/** A plug-in that makes tokens of pictures and back. @throws TesseraError `part-malformed`, `part-name`, `schema-foreign` */
export function defineTokenizer<C extends StandardSchema, T extends Tokenizer>(
  definition: TokenizerDefinition<C, T>,
): TokenizerPlugin<OutputOf<C>, T> {
  checkDefinition('tokenizer', definition);
  const { name } = definition;
  return {
    ...definition,
    kind: 'tokenizer',
    config: schemaFrom(definition.config, `${name} config`),
    describe: (config) => definition.describe(config),
    build: (config, context) => definition.build(config, context),
  };
}

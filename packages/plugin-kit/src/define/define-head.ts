import { TesseraError } from '@tessera/errors';
import type { BuildContext, Head, HeadDims, HeadPlugin, Space, SpaceShape } from '@tessera/core';
import { type OutputOf, schemaFrom, type StandardSchema } from '@tessera/schema';
import { checkDefinition } from './any-plugin.ts';
import { optionsFrom } from './options-from.ts';

/** A head as its author writes it: schemas of any library of Standard JSON Schema. */
export interface HeadDefinition<
  C extends StandardSchema,
  O extends StandardSchema,
  S extends SpaceShape['kind'] = SpaceShape['kind'],
> extends Pick<HeadPlugin, 'contract' | 'name' | 'package' | 'confident'> {
  /** As `HeadPlugin.space`. A discrete head is given discrete tokens alone, a continuous one either kind. */
  readonly space: S;
  readonly config: C;
  options(space: TokensFor<S, SpaceShape>): O;
  build(config: OutputOf<C>, dims: HeadDims<TokensFor<S, Space>>, context: BuildContext): Head<OutputOf<O>>;
}

/** Tokens that a head of a kind may meet: values can be predicted of discrete tokens too. */
type TokensFor<S extends SpaceShape['kind'], T extends SpaceShape> = S extends 'discrete'
  ? Extract<T, { kind: 'discrete' }>
  : T;

/** A plug-in that draws tokens from hidden states. @throws TesseraError `part-malformed`, `part-name`, `schema-foreign` */
export function defineHead<C extends StandardSchema, O extends StandardSchema, const S extends SpaceShape['kind']>(
  definition: HeadDefinition<C, O, S>,
): HeadPlugin<OutputOf<C>, OutputOf<O>> {
  checkDefinition('head', definition);
  const { name } = definition;
  return {
    ...definition,
    kind: 'head',
    config: schemaFrom(definition.config, `${name} config`),
    options: (space) => optionsFrom(definition.options(fitting(definition, space)), name),
    build: (config, { width, space }, context) =>
      definition.build(config, { width, space: fitting(definition, space) }, context),
  };
}

/** The tokens as their head is promised them; `compose` has refused others, with the name of their tokenizer. */
function fitting<S extends SpaceShape['kind'], T extends SpaceShape>(
  { name, space: predicted }: { readonly name: string; readonly space: S },
  space: T,
): TokensFor<S, T> {
  if (predicted === 'continuous' || space.kind === 'discrete') return space as TokensFor<S, T>;
  throw new TesseraError({
    code: 'space-mismatch',
    who: name,
    got: 'continuous tokens',
    expected: 'discrete ones: it scores the entries of a codebook',
    next: 'Exchange the head or the tokenizer.',
  });
}

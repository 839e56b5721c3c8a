import type { BuildContext, Head } from '../contracts.ts';
import type { HeadDims, HeadPlugin } from '../plugin.ts';
import type { SpaceShape } from '../tokens.ts';
import { checkName } from './plugin-name.ts';
import { schemaFrom, type OutputOf, type StandardSchema } from './standard-schema.ts';

/** A head as its author writes it: schemas of any library of Standard JSON Schema. */
export interface HeadDefinition<C extends StandardSchema, O extends StandardSchema> extends Pick<
  HeadPlugin,
  'contract' | 'name' | 'package' | 'space' | 'confident'
> {
  readonly config: C;
  options(space: SpaceShape): O;
  build(config: OutputOf<C>, dims: HeadDims, context: BuildContext): Head<OutputOf<O>>;
}

/** A plug-in that draws tokens from hidden states. @throws TesseraError `part-name`, `schema-foreign` */
export function defineHead<C extends StandardSchema, O extends StandardSchema>(
  definition: HeadDefinition<C, O>,
): HeadPlugin<OutputOf<C>, OutputOf<O>> {
  const { name } = definition;
  checkName(name);
  return {
    ...definition,
    kind: 'head',
    config: schemaFrom(definition.config, `${name} config`),
    options: (space) => schemaFrom(definition.options(space), `${name} options`),
    build: (config, dims, context) => definition.build(config, dims, context),
  };
}

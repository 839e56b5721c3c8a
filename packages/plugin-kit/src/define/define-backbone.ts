import type { Backbone, BackboneDims, BackboneFacts, BackbonePlugin, BuildContext } from '@tessera/core';
import { type OutputOf, schemaFrom, type StandardSchema } from '@tessera/schema';
import { checkDefinition } from './any-plugin.ts';

/** A backbone as its author writes it: a schema of any library of Standard JSON Schema. */
export interface BackboneDefinition<C extends StandardSchema> extends Pick<
  BackbonePlugin,
  'contract' | 'name' | 'package'
> {
  readonly config: C;
  describe(config: OutputOf<C>): BackboneFacts;
  build(config: OutputOf<C>, dims: BackboneDims, context: BuildContext): Backbone;
}

/** A plug-in that makes hidden states of what has been written. @throws TesseraError `part-malformed`, `part-name`, `schema-foreign` */
export function defineBackbone<C extends StandardSchema>(
  definition: BackboneDefinition<C>,
): BackbonePlugin<OutputOf<C>> {
  checkDefinition('backbone', definition);
  const { name } = definition;
  return {
    ...definition,
    kind: 'backbone',
    config: schemaFrom(definition.config, `${name} config`),
    describe: (config) => definition.describe(config),
    build: (config, dims, context) => definition.build(config, dims, context),
  };
}

import type { Layout, Order, OrderPlugin } from '@tessera/core';
import { type OutputOf, schemaFrom, type StandardSchema } from '@tessera/schema';
import { checkDefinition } from './any-plugin.ts';
import { optionsFrom } from './options-from.ts';

/** An order as its author writes it: schemas of any library of Standard JSON Schema. */
export interface OrderDefinition<C extends StandardSchema, O extends StandardSchema> extends Pick<
  OrderPlugin,
  'contract' | 'name' | 'package' | 'stride' | 'needsConfidence'
> {
  readonly config: C;
  options(layout: Layout): O;
  build(config: OutputOf<C>): Order<OutputOf<O>>;
}

/** A plug-in that says which tokens come next. @throws TesseraError `part-malformed`, `part-name`, `schema-foreign` */
export function defineOrder<C extends StandardSchema, O extends StandardSchema>(
  definition: OrderDefinition<C, O>,
): OrderPlugin<OutputOf<C>, OutputOf<O>> {
  checkDefinition('order', definition);
  const { name } = definition;
  return {
    ...definition,
    kind: 'order',
    config: schemaFrom(definition.config, `${name} config`),
    options: (layout) => optionsFrom(definition.options(layout), name),
    build: (config) => definition.build(config),
  };
}

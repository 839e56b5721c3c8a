import type { GraphQLSchema } from 'graphql';
import { createBuilder } from './builder.ts';
import { addErrors } from './error-types.ts';
import { addEvents } from './event-types.ts';
import { addGenerations } from './generation-types.ts';
import { addJsonObject } from './json-object.ts';
import { addModels } from './model-types.ts';
import { addPlugins } from './plugin-types.ts';
import { addPreviewKind } from './preview-kind.ts';

/** The whole GraphQL schema; `schema.graphql` beside the sources is its printed form. */
export function createSchema(): GraphQLSchema {
  const builder = createBuilder();
  builder.queryType({ description: 'Everything that can be asked for; over HTTP by POST or GET.' });
  builder.mutationType({ description: 'Everything that changes something; over HTTP by POST alone.' });
  addJsonObject(builder);
  const reason = addErrors(builder);
  const preview = addPreviewKind(builder);
  addModels(builder, preview);
  addPlugins(builder);
  addGenerations(builder, { preview, reason });
  addEvents(builder, reason);
  return builder.toSchema();
}

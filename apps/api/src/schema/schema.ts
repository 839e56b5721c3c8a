import type { GraphQLSchema } from 'graphql';
import { createBuilder } from './builder.ts';
import { addErrors } from './errors.ts';
import { addEvents } from './events.ts';
import { addGenerations } from './generations.ts';
import { addPicture } from './images.ts';
import { addModels, addPlugins, addPreviewKind } from './models.ts';

/** The whole GraphQL schema; `schema.graphql` beside the sources is its printed form. */
export function createSchema(): GraphQLSchema {
  const builder = createBuilder();
  builder.queryType({ description: 'Everything that can be asked for; over HTTP by POST or GET.' });
  builder.mutationType({ description: 'Everything that changes something; over HTTP by POST only.' });
  const reason = addErrors(builder);
  const preview = addPreviewKind(builder);
  const picture = addPicture(builder);
  addModels(builder, preview);
  addPlugins(builder);
  addGenerations(builder, { preview, reason, picture });
  addEvents(builder, { reason, picture });
  return builder.toSchema();
}

import type { GraphQLSchema } from 'graphql';
import { addAdmin } from './admin.ts';
import { createBuilder } from './builder.ts';
import { addErrors } from './errors.ts';
import { addEvents } from './events.ts';
import { addGenerationState, addGenerationType } from './generation-type.ts';
import { addGenerationQueries } from './generations.ts';
import { addPicture } from './images.ts';
import { addModels, addPlugins, addPreviewKind } from './models.ts';
import { addMutations } from './mutations.ts';
import { addNode } from './nodes.ts';
import { addModelSizes, addPictureSize, addTokenMap } from './sizes.ts';

/** The whole GraphQL schema; `schema.graphql` beside the sources is its printed form. */
export function createSchema(): GraphQLSchema {
  const builder = createBuilder();
  builder.queryType({ description: 'Everything that can be asked for; over HTTP by POST or GET.' });
  builder.mutationType({ description: 'Everything that changes something; over HTTP by POST only.' });
  const { reason, errors } = addErrors(builder);
  const node = addNode(builder);
  const preview = addPreviewKind(builder);
  const size = addPictureSize(builder);
  const map = addTokenMap(builder);
  const picture = addPicture(builder, node);
  const model = addModels(builder, { node, preview, map, sizes: addModelSizes(builder) });
  addPlugins(builder);
  const event = addEvents(builder, { reason, picture });
  const state = addGenerationState(builder);
  const generation = addGenerationType(builder, state, { node, model, preview, size, map, reason, picture, event });
  addGenerationQueries(builder, { generation, state, errors });
  addAdmin(builder, errors);
  addMutations(builder, { generation, preview, errors });
  return builder.toSchema();
}

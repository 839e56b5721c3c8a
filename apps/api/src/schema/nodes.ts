import type { ModelDescription } from '@tessera/host';
import type { Generation } from '@tessera/store';
import { isTesseraError, TesseraError } from '@tessera/errors';
import type { ApiBuilder, ApiContext } from './builder.ts';

/*
 * Ids are global and in plain sight, and each says of which type it is: the UUID of a generation, the SHA-256 of a picture,
 * model:NAME of a model. Clients need not take them apart.
 */

/** Most ids of one query of `nodes`. */
const MOST_NODES = 100;

export function modelId({ name }: { readonly name: string }): string {
  return `model:${name}`;
}

export type NodeValue = Generation | ModelDescription | Picture;

/** A stored picture; what else is known of it is read where it is asked for. */
export interface Picture {
  readonly sha256: string;
}

export type NodeRef = ReturnType<typeof addNode>;

/** What has an id that holds for ever, and the queries for it. */
export function addNode(builder: ApiBuilder) {
  const node = builder.interfaceRef<NodeValue>('Node').implement({
    description: 'Something with an id of its own.',
    resolveType: (value) => ('sha256' in value ? 'Picture' : 'request' in value ? 'Generation' : 'Model'),
    fields: (t) => ({
      id: t.id({ description: 'No two things of this server share one.', resolve: idOf }),
    }),
  });
  builder.queryFields((t) => ({
    node: t.field({
      type: node,
      nullable: true,
      description: 'What has this id; null where nothing has.',
      args: { id: t.arg.id({ required: true, description: 'Of a generation, a model or a picture.' }) },
      resolve: (_root, { id }, context) => findNode(String(id), context),
    }),
    nodes: t.field({
      type: [node],
      nullable: { list: true, items: true },
      description: `What has these ids, in their order, null where nothing has. Null as a whole, with an error, for more than ${MOST_NODES}.`,
      args: { ids: t.arg.idList({ required: true, description: 'Of generations, models and pictures.' }) },
      complexity: ({ ids }) => ({ multiplier: Math.min(ids.length, MOST_NODES) }),
      resolve: (_root, { ids }, context) => findNodes(ids.map(String), context),
    }),
  }));
  return node;
}

function idOf(value: NodeValue): string {
  if ('sha256' in value) return value.sha256;
  return 'request' in value ? value.id : modelId(value);
}

async function findNodes(ids: readonly string[], context: ApiContext): Promise<(NodeValue | null)[]> {
  if (ids.length > MOST_NODES) throw tooMany(ids.length);
  return Promise.all(ids.map((id) => findNode(id, context)));
}

async function findNode(id: string, { owner, models, generations, pictures }: ApiContext): Promise<NodeValue | null> {
  const name = /^model:(.*)$/su.exec(id)?.[1];
  if (name !== undefined) return models.models().find((model) => model.name === name) ?? null;
  if (/^[0-9a-f]{64}$/.test(id)) return pictures.load(id);
  try {
    return await generations.find(owner, id);
  } catch (error) {
    if (isTesseraError(error) && error.code === 'unknown-generation') return null;
    throw error;
  }
}

function tooMany(count: number): TesseraError {
  return new TesseraError({
    code: 'count-out-of-range',
    who: 'nodes',
    got: `${count} ids`,
    expected: `at most ${MOST_NODES}`,
    next: 'Ask in several queries.',
  });
}

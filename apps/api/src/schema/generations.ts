import { TesseraError } from '@tessera/errors';
import type { Generation, GenerationState } from '@tessera/store';
import type { ApiBuilder, ApiContext } from './builder.ts';
import { addConnection, mostItems, pageArguments, readPage, type PageArguments } from './connection.ts';
import { addResult, asData, type ErrorRefs } from './errors.ts';
import type { GenerationRef, GenerationStateRef } from './generation-type.ts';

/** Most models, and most classes, that one filter names. */
const MOST_NAMES = 100;

interface Filter {
  readonly states?: readonly GenerationState[] | null | undefined;
  readonly models?: readonly string[] | null | undefined;
  readonly createdAfter?: Date | null | undefined;
  readonly createdBefore?: Date | null | undefined;
  readonly classes?: readonly { readonly model: string; readonly label: number }[] | null | undefined;
}

interface QueryTypes {
  readonly generation: GenerationRef;
  readonly state: GenerationStateRef;
  readonly errors: ErrorRefs;
}

/** One generation, and the list of all. */
export function addGenerationQueries(builder: ApiBuilder, { generation, state, errors }: QueryTypes): void {
  const result = addResult(builder, 'Generation', { of: generation, errors: [errors.NotFound, errors.Unavailable] });
  const connection = addConnection<Generation>(builder, generation, 'Generations, the newest first.');
  const filter = addFilter(builder, state);
  builder.queryFields((t) => ({
    generation: t.field({
      type: result,
      description: 'One generation.',
      args: { id: t.arg.id({ required: true, description: 'What createGeneration returned.' }) },
      resolve: (_root, { id }, { owner, generations }) => asData(() => generations.find(owner, String(id))),
    }),
    generations: t.field({
      type: connection,
      // Null leaves the other fields of a query their data.
      nullable: true,
      description: 'All generations, the newest first; null, with an error, where an argument is wrong.',
      args: {
        ...pageArguments(t),
        filter: t.arg({ type: filter, description: 'Which of them; all where left out.' }),
      },
      complexity: (page) => ({ multiplier: mostItems(page) }),
      resolve: (_root, args, context) => list(args, context),
    }),
  }));
}

function addFilter(builder: ApiBuilder, state: GenerationStateRef) {
  const ofModel = builder.inputType('ClassFilter', {
    description: 'A class of a model.',
    fields: (t) => ({
      model: t.string({ required: true, description: 'Name of the model.' }),
      label: t.int({ required: true, description: 'Number of its class; -1 is no class.' }),
    }),
  });
  return builder.inputType('GenerationFilter', {
    description: 'Which generations a list has: those that all of its fields hold for.',
    fields: (t) =>
      ({
        states: t.field({ type: [state], description: 'Those in one of these states.' }),
        models: t.stringList({ description: `Those of one of these models, by name; at most ${MOST_NAMES}.` }),
        createdAfter: t.field({ type: 'DateTime', description: 'Those that were accepted later.' }),
        createdBefore: t.field({ type: 'DateTime', description: 'Those that were accepted sooner.' }),
        classes: t.field({
          type: [ofModel],
          description: `Those with an image of one of these classes; at most ${MOST_NAMES}.`,
        }),
      }) satisfies Record<keyof Filter, unknown>,
  });
}

async function list(
  { filter, ...page }: PageArguments & { readonly filter?: Filter | null | undefined },
  { owner, generations }: ApiContext,
) {
  const wanted = {
    states: filter?.states ?? undefined,
    models: requireFew(filter?.models ?? undefined, 'names of models'),
    classes: requireFew(filter?.classes ?? undefined, 'classes'),
  };
  const times = { createdAfter: filter?.createdAfter ?? undefined, createdBefore: filter?.createdBefore ?? undefined };
  const all = Object.fromEntries(Object.entries({ ...wanted, ...times }).filter(([, value]) => value !== undefined));
  const { generations: items, hasOlder, hasNewer } = await generations.list(owner, all, readPage(page, 'generations'));
  return { items, hasNext: hasOlder, hasPrevious: hasNewer, total: () => generations.count(owner, all) };
}

function requireFew<T>(names: readonly T[] | undefined, what: string): readonly T[] | undefined {
  if (!names || names.length <= MOST_NAMES) return names;
  throw new TesseraError({
    code: 'count-out-of-range',
    who: 'generations',
    got: `${names.length} ${what}`,
    expected: `at most ${MOST_NAMES}`,
    next: 'Ask in several queries.',
  });
}

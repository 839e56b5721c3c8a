import type { Generation } from '@tessera/store';
import type { ApiBuilder } from './builder.ts';
import { addResult, asData, type ErrorRefs } from './errors.ts';
import { addGenerationInput, keyText } from './generation-input.ts';
import type { GenerationRef } from './generation-type.ts';
import type { PreviewKindRef } from './models.ts';

interface MutationTypes {
  readonly generation: GenerationRef;
  readonly preview: PreviewKindRef;
  readonly errors: ErrorRefs;
}

const idText = 'Of the generation.';

/** What changes generations. Each mutation takes one input, and gives a payload or an error. */
export function addMutations(builder: ApiBuilder, types: MutationTypes): void {
  addCreating(builder, types);
  addEnding(builder, types);
}

interface Created {
  readonly generation: Generation;
  readonly existed: boolean;
}

function addCreating(builder: ApiBuilder, { generation, preview, errors }: MutationTypes): void {
  const { RequestError, QueueFull, QuotaExceeded, IdempotencyConflict, Unavailable, NotFound } = errors;
  const refusals = [RequestError, NotFound, QueueFull, QuotaExceeded, IdempotencyConflict, Unavailable];
  const payload = (name: string) =>
    builder.objectRef<Created>(`${name}Payload`).implement({
      description: 'A generation that is stored, and runs whether or not anyone listens.',
      fields: (t) => ({
        generation: t.field({ type: generation, description: 'It.', resolve: (created) => created.generation }),
        existed: t.exposeBoolean('existed', { description: 'It was made by an earlier request of the same key.' }),
      }),
    });
  const created = addResult(builder, 'CreateGeneration', { of: payload('CreateGeneration'), errors: refusals });
  const retried = addResult(builder, 'RetryGeneration', { of: payload('RetryGeneration'), errors: refusals });
  const input = addGenerationInput(builder, preview);
  const retryInput = builder.inputType('RetryGenerationInput', {
    description: 'Which generation is repeated, and how.',
    fields: (t) => ({
      id: t.id({ required: true, description: idText }),
      seed: t.field({
        type: 'SafeInt',
        description: 'Of the first image, for other images; those of the generation where left out, for the same ones.',
      }),
      idempotencyKey: t.string({ description: keyText }),
    }),
  });
  builder.mutationFields((t) => ({
    createGeneration: t.field({
      type: created,
      description: 'Queues a generation. It is stored before this returns.',
      args: { input: t.arg({ type: input, required: true, description: 'What to make.' }) },
      resolve: (_root, args, { owner, generations }) => asData(() => generations.create(owner, args.input)),
    }),
    retryGeneration: t.field({
      type: retried,
      description: 'Queues the request of a generation once more, as a new generation.',
      args: { input: t.arg({ type: retryInput, required: true, description: 'What to repeat.' }) },
      resolve: (_root, { input: { id, ...again } }, { owner, generations }) =>
        asData(() => generations.retry(owner, String(id), again)),
    }),
  }));
}

function addEnding(builder: ApiBuilder, { generation, errors }: MutationTypes): void {
  const refusals = [errors.NotFound, errors.Unavailable];
  const cancelInput = builder.inputType('CancelGenerationInput', {
    description: 'Which generation is ended.',
    fields: (t) => ({ id: t.id({ required: true, description: idText }) }),
  });
  const canceled = builder.objectRef<{ readonly generation: Generation }>('CancelGenerationPayload').implement({
    description: 'The end of a generation was asked for.',
    fields: (t) => ({
      generation: t.field({ type: generation, description: 'As it is now.', resolve: (one) => one.generation }),
    }),
  });
  const deleteInput = builder.inputType('DeleteGenerationInput', {
    description: 'Which generation is deleted.',
    fields: (t) => ({ id: t.id({ required: true, description: idText }) }),
  });
  const deleted = builder.objectRef<{ readonly deletedId: string }>('DeleteGenerationPayload').implement({
    description: 'A generation is gone.',
    fields: (t) => ({ deletedId: t.exposeID('deletedId', { description: 'The id that it had.' }) }),
  });
  const cancelResult = addResult(builder, 'CancelGeneration', { of: canceled, errors: refusals });
  const deleteResult = addResult(builder, 'DeleteGeneration', { of: deleted, errors: refusals });
  builder.mutationFields((t) => ({
    cancelGeneration: t.field({
      type: cancelResult,
      description: 'Ends a generation within one step; the event canceled says when. Ended ones stay as they are.',
      args: { input: t.arg({ type: cancelInput, required: true, description: 'What to end.' }) },
      resolve: (_root, { input }, { owner, generations }) =>
        asData(() => generations.cancel(owner, String(input.id)).then((generation) => ({ generation }))),
    }),
    deleteGeneration: t.field({
      type: deleteResult,
      description: 'Deletes a generation with its events, for ever; one that has not ended is ended first.',
      args: { input: t.arg({ type: deleteInput, required: true, description: 'What to delete.' }) },
      resolve: (_root, { input }, { owner, generations }) =>
        asData(() => generations.remove(owner, String(input.id)).then(() => ({ deletedId: String(input.id) }))),
    }),
  }));
}

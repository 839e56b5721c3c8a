import type { GenerationRequest } from '@tessera/request';
import type { EventKind, Failure, Generation, GenerationEvent, GenerationState } from './records.ts';

export interface GenerationRow {
  readonly id: string;
  readonly tenant: string;
  readonly client: string;
  readonly request: GenerationRequest;
  readonly state: GenerationState;
  readonly last_seq: number;
  readonly attempt: number;
  readonly priority: number;
  readonly deadline: Date | null;
  readonly retry_of: string | null;
  readonly images: readonly string[];
  readonly failure: Failure | null;
  readonly created_at: Date;
  readonly started_at: Date | null;
  readonly finished_at: Date | null;
}

export interface EventRow {
  readonly id: string;
  readonly seq: number;
  readonly kind: EventKind;
  readonly payload: Record<string, unknown>;
  readonly at: Date;
}

/** Of table or query `g`, what a GenerationRow holds. */
export const generationColumns = [
  ...['id', 'tenant', 'client', 'request', 'state', 'last_seq', 'attempt', 'priority', 'deadline', 'retry_of'],
  ...['images', 'failure', 'created_at', 'started_at', 'finished_at'],
]
  .map((name) => `g.${name}`)
  .join(', ');

export function toGeneration(row: GenerationRow): Generation {
  const { id, tenant, client, request, state, attempt, priority, deadline, images, failure } = row;
  const { last_seq: lastSeq, retry_of: retryOf, created_at: createdAt } = row;
  const { started_at: startedAt, finished_at: finishedAt } = row;
  return {
    ...{ id, owner: { tenant, client }, request, state, lastSeq, attempt, priority, deadline, retryOf },
    ...{ images, failure, createdAt, startedAt, finishedAt },
  };
}

export function toEvent({ payload, seq, kind, at }: EventRow): GenerationEvent {
  return { ...payload, seq, kind, at } as GenerationEvent;
}

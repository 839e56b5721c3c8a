import { randomUUID } from 'node:crypto';
import type { EventBody, NewGeneration, Store, WorkerState } from '../index.ts';

/** A generation that a test asks for: one image of model `m`. */
export function newGeneration(more: Partial<NewGeneration> = {}): NewGeneration {
  return {
    id: randomUUID(),
    owner: { tenant: '', client: 'a' },
    request: requestOf(1),
    batchKey: 'k',
    priority: 0,
    deadline: null,
    idempotencyKey: null,
    retryOf: null,
    trace: null,
    ...more,
  };
}

export function requestOf(images: number, model = 'm'): NewGeneration['request'] {
  return { model, images: Array.from({ length: images }, () => ({ condition: { kind: 'class', label: 1 } })), seed: 1 };
}

export const roomy = { maxQueue: 10_000, maxQueueOfClient: 10_000 };

export const workerState: WorkerState = {
  target: 'onnx',
  draining: false,
  models: [],
  health: { status: 'ok', why: null },
};

export function stepBody(index: number, of = 4): EventBody {
  return {
    kind: 'step',
    index,
    of,
    positions: [[index]],
    previews: null,
    sprite: null,
    details: null,
    milliseconds: 2,
  };
}

/** Stores these, oldest first, and returns their ids. */
export async function enqueue(store: Store, wishes: readonly Partial<NewGeneration>[]): Promise<string[]> {
  const ids: string[] = [];
  for (const wish of wishes) {
    const { generation } = await store.generations.create(newGeneration(wish), roomy);
    ids.push(generation.id);
  }
  return ids;
}

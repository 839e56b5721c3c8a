import { afterAll, beforeAll, expect, it } from 'vitest';
import { workerState } from '@tessera/store/testing';
import { openService, type TestService } from './testing/service.ts';

let service: TestService;

beforeAll(async () => {
  service = await openService();
});
afterAll(() => service?.close());

const query = `{ service { __typename
  ... on Service {
    queue { model tenant waiting running workers oldestSeconds }
    workers { name status why target memoryBytes ageSeconds silentSeconds models { name loaded running millisecondsPerImage } }
    failures { code count model message newestAt }
  }
  ... on Error { code message } } }`;

const ask = async (tenant: string) => (await service.ask<{ service: object }>(query, {}, tenant)).service;

it('is refused to those who are no admin, in words that say what to do', async () => {
  expect(await ask('a')).toMatchObject({ __typename: 'RequestError', code: 'admin-needed' });
  expect(await ask('a')).toMatchObject({ message: expect.stringContaining('tessera keys create --admin') as string });
});

it('tells an admin of all tenants, of the workers and of what has failed', async () => {
  expect(await ask('admin')).toEqual({ __typename: 'Service', queue: [], workers: [], failures: [] });
  const { queue } = service.store;
  await queue.register({ id: 'w', name: 'machine 7', state: { ...workerState, memoryBytes: 2 ** 33 } });
  await service.create({}, 'a');
  await service.create({}, 'b');
  const [claim] = await queue.claim({ worker: 'w', models: ['quick'], maxImages: 1 });
  const body = { kind: 'failed', code: 'too-hot', message: 'It got too hot.' } as const;
  await queue.append([{ id: claim!.id, attempt: claim!.attempt, seq: claim!.lastSeq + 1, body }]);
  expect(await ask('admin')).toMatchObject({
    queue: [
      { model: 'quick', tenant: 'b', waiting: 1, running: 0, oldestSeconds: expect.any(Number) as number, workers: 0 },
    ],
    workers: [{ name: 'machine 7', status: 'READY', why: null, memoryBytes: 2 ** 33 }],
    failures: [{ code: 'too-hot', count: 1, model: 'quick', message: 'It got too hot.' }],
  });
});

it('tells how many ready workers have the model of what waits', async () => {
  const models = [{ name: 'quick', loaded: false, running: 0, millisecondsPerImage: null }];
  await service.store.queue.beat('w', { ...workerState, models });
  expect(await ask('admin')).toMatchObject({ queue: [{ waiting: 1, workers: 1 }], workers: [{ memoryBytes: null }] });
});

it('says of a worker that it is stopping, or why it is unwell', async () => {
  const why = 'The model process is not there.';
  await service.store.queue.beat('w', { ...workerState, health: { status: 'dead', why } });
  expect(await ask('admin')).toMatchObject({ workers: [{ status: 'UNWELL', why }] });
  await service.store.queue.beat('w', { ...workerState, draining: true });
  expect(await ask('admin')).toMatchObject({ workers: [{ status: 'DRAINING' }] });
});

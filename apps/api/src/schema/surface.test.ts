import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { requireFewDetails } from '../generations/token-details.ts';
import { openService, type TestService } from './testing/service.ts';

let service: TestService;
const ask: TestService['ask'] = (...question) => service.ask(...question);
const change: TestService['change'] = (...wish) => service.change(...wish);
const create: TestService['create'] = (...wish) => service.create(...wish);
const idOf: TestService['idOf'] = (...wish) => service.idOf(...wish);

const state = { target: 'onnx', draining: false, models: [], health: { status: 'ok', why: null } };
const worker = { id: '6c0ffee0-0000-4000-8000-00000000000a', name: 'test', state };

beforeAll(async () => {
  service = await openService();
  await service.store.queue.register(worker);
});

afterAll(() => service.close());

describe('createGeneration', () => {
  it('makes one generation of a key, however often it is sent', async () => {
    const input = { seed: 4, idempotencyKey: 'one' };
    const first = await create(input);
    expect(first).toMatchObject({ __typename: 'CreateGenerationPayload', existed: false });
    expect(await create(input)).toEqual({ ...first, existed: true });
    expect(await create({ ...input, seed: 5 })).toMatchObject({
      __typename: 'IdempotencyConflict',
      code: 'idempotency-conflict',
      field: ['input', 'idempotencyKey'],
    });
    // Keys of tenants are their own.
    expect(await create({ ...input, seed: 5 }, 'b')).toMatchObject({ existed: false });
  });

  it('takes a seed for the whole, for some images, and for both', async () => {
    const images = [{ count: 2 }, { count: 2, seed: 100 }, {}];
    const { generation } = await create({ seed: 7, images });
    expect(generation!.images.map(({ seed }) => seed)).toEqual([7, 8, 100, 101, 11]);
  });

  it.each([
    ['priority-out-of-range', { priority: 11 }, ['input', 'priority']],
    ['deadline-in-past', { deadline: '2020-01-01T00:00:00Z' }, ['input', 'deadline']],
    ['idempotency-key-invalid', { idempotencyKey: '' }, ['input', 'idempotencyKey']],
    ['idempotency-key-invalid', { idempotencyKey: 'ä' }, ['input', 'idempotencyKey']],
    ['idempotency-key-invalid', { idempotencyKey: 'x'.repeat(256) }, ['input', 'idempotencyKey']],
    ['seed-out-of-range', { images: [{ count: 2, seed: Number.MAX_SAFE_INTEGER }] }, ['input', 'seed']],
    [
      'unknown-label',
      { images: [{}, { condition: { class: 'dog' } }] },
      ['input', 'images', '1', 'condition', 'class'],
    ],
    ['details-too-many', { details: true, images: [{ count: 16 }] }, ['input', 'details']],
    ['size-unsupported', { size: { width: 33, height: 32 } }, ['input', 'size']],
    [
      'details-too-many',
      { details: true, size: { width: 64, height: 64 }, images: [{ count: 5 }] },
      ['input', 'details'],
    ],
    ['unknown-picture', { edit: { image: '0'.repeat(64) } }, ['input', 'edit', 'image']],
  ])('says with %s which field is to blame', async (code, input, field) => {
    expect(await create(input)).toMatchObject({ code, field });
  });

  it('takes a size, and tells the maps of its tokens', async () => {
    const id = await idOf({ size: { width: 48, height: 32 } });
    const query = `query ($id: ID!) { generation(id: $id) { ... on Generation { size { width height } layout { start height width }
      model { image { width height } sizes { step least most } } } } }`;
    const { generation } = await ask<{ generation: object }>(query, { id });
    expect(generation).toMatchObject({
      size: { width: 48, height: 32 },
      layout: [
        { start: 0, height: 1, width: 1 },
        { start: 1, height: 2, width: 3 },
        { start: 7, height: 3, width: 5 },
        { start: 22, height: 4, width: 6 },
        { start: 46, height: 6, width: 9 },
        { start: 100, height: 8, width: 12 },
      ],
      model: { image: { width: 32, height: 32 }, sizes: { step: 4, least: 16, most: 64 } },
    });
  });

  it('tells details of as many images as one answer may hold, and of one always', async () => {
    expect(await create({ details: true, images: [{ count: 15 }] })).toMatchObject({ existed: false });
    const large = { name: 'large', tokens: 4096 } as Parameters<typeof requireFewDetails>[1];
    const request = { model: 'large', seed: 1, details: true, images: [{ condition: { kind: 'none' } }] } as const;
    requireFewDetails(request, large);
    const two = { ...request, images: [...request.images, ...request.images] };
    expect(() => requireFewDetails(two, large)).toThrow('expected details of one image');
  });

  it('is refused with the time to wait where the queue is full', async () => {
    const all = await Promise.all(Array.from({ length: 70 }, () => create({}, 'full')));
    const refused = all.filter(({ __typename }) => __typename === 'QueueFull');
    expect(refused.length).toBeGreaterThan(0);
    for (const { code, retryAfter } of refused) {
      expect(code).toBe('queue-full');
      expect(retryAfter).toBeGreaterThanOrEqual(1);
    }
    for (const { generation } of all) if (generation) await change('deleteGeneration', { id: generation.id }, 'full');
  });
});

describe('a generation', () => {
  it('is repeated with the same images, or with others', async () => {
    const id = await idOf({ seed: 3, images: [{ count: 2 }, { seed: 50 }] });
    const same = await change('retryGeneration', { id });
    expect(same.generation!.images.map(({ seed }) => seed)).toEqual([3, 4, 50]);
    const other = await change('retryGeneration', { id, seed: 20 });
    expect(other.generation!.images.map(({ seed }) => seed)).toEqual([20, 21, 22]);
    const query = 'query ($id: ID!) { generation(id: $id) { ... on Generation { retryOf { id } } } }';
    expect(await ask(query, { id: other.generation!.id })).toEqual({ generation: { retryOf: { id } } });
    await change('deleteGeneration', { id });
    expect(await ask(query, { id: other.generation!.id })).toEqual({ generation: { retryOf: null } });
  });

  it('tells its model, and where it stands', async () => {
    const id = await idOf({ priority: -10, deadline: '2099-01-01T00:00:00+02:00' });
    const query = `query ($id: ID!) { generation(id: $id) { ... on Generation {
      modelName model { id name } position workers millisecondsToStart attempt startedAt priority deadline } } }`;
    const { generation } = await ask<{ generation: { position: number } }>(query, { id });
    expect(generation).toMatchObject({
      // The worker of this test has not said that it has a model.
      workers: 0,
      modelName: 'quick',
      model: { id: 'model:quick', name: 'quick' },
      attempt: 0,
      startedAt: null,
      priority: -10,
      deadline: '2098-12-31T22:00:00.000Z',
    });
    expect(generation.position).toBeGreaterThan(0);
    await change('cancelGeneration', { id });
    const ended = await ask<{ generation: object }>(query, { id });
    expect(ended.generation).toMatchObject({ position: null, workers: null, millisecondsToStart: null });
  });

  it('gives its events as a list, with pictures and their sizes', async () => {
    const id = await idOf({ priority: 10 });
    // Again: on a slow machine its lease has ended.
    await service.store.queue.register(worker);
    const [claim] = await service.store.queue.claim({ worker: worker.id, models: ['quick'], maxImages: 1 });
    expect(claim).toMatchObject({ id });
    const picture = { sha256: 'ab'.repeat(32), width: 32, height: 30, bytes: 999 };
    const top = { topCodes: [[[7, 3]]], topProbabilities: [[[0.6, 0.4]]] };
    const details = { codes: [[7]], logProbabilities: [[-0.5]], entropies: null, ...top };
    // Of a generation that was made before the likeliest codes were told.
    const earlier = { codes: [[7]], logProbabilities: [[-0.5]], entropies: null };
    const step = {
      kind: 'step',
      of: 1,
      positions: [[0]],
      previews: [picture.sha256],
      sprite: null,
      milliseconds: 2,
    } as const;
    const timings = { steps: [2], images: [1], total: 3 };
    const mine = { id, attempt: 1 };
    await service.store.queue.append([
      { ...mine, seq: 2, body: { kind: 'loading', model: 'quick' } },
      { ...mine, seq: 3, body: { kind: 'started' } },
      { ...mine, seq: 4, body: { ...step, index: 0, details }, pictures: [picture] },
      { ...mine, seq: 5, body: { ...step, index: 0, details: earlier }, pictures: [picture] },
      { ...mine, seq: 6, body: { kind: 'completed', images: [picture.sha256], timings }, pictures: [picture] },
    ]);
    const shown = `seq ... on LoadingEvent { modelName } ... on StepEvent {
      previews { id width height bytes } sprite { id } details { codes logProbabilities entropies topCodes topProbabilities } }`;
    const query = `query ($id: ID!, $after: Int!, $first: Int!) { generation(id: $id) { ... on Generation {
      attempt images { picture { url width } } events(after: $after, first: $first) { ${shown} } } } }`;
    const shownStep = { previews: [{ id: picture.sha256, width: 32, height: 30, bytes: 999 }], sprite: null };
    const earlierNow = { ...earlier, topCodes: null, topProbabilities: null };
    expect(await ask(query, { id, after: 1, first: 4 })).toEqual({
      generation: {
        attempt: 1,
        images: [{ picture: { url: `/images/${picture.sha256}.png`, width: 32 } }],
        events: [
          { seq: 2, modelName: 'quick' },
          { seq: 3 },
          { seq: 4, ...shownStep, details },
          { seq: 5, ...shownStep, details: earlierNow },
        ],
      },
    });
    await expect(ask(query, { id, after: 0, first: 101 })).rejects.toThrow('got first: 101; expected a number from 1');
    const node = 'query ($id: ID!) { node(id: $id) { __typename id ... on Picture { sha256 bytes } } }';
    const { sha256, bytes } = picture;
    expect(await ask(node, { id: sha256 })).toEqual({ node: { __typename: 'Picture', id: sha256, sha256, bytes } });
    expect(await ask(node, { id: sha256 }, 'b')).toEqual({ node: null });
  });

  it('is not there for others, and gone once it is deleted', async () => {
    const id = await idOf();
    const missing = { __typename: 'NotFound', code: 'unknown-generation', field: ['input', 'id'] };
    for (const name of ['cancelGeneration', 'retryGeneration', 'deleteGeneration']) {
      expect(await change(name, { id }, 'b')).toEqual(missing);
    }
    const node = 'query ($id: ID!) { node(id: $id) { id } generation(id: $id) { ... on Error { code field } } }';
    const nothing = { node: null, generation: { code: 'unknown-generation', field: ['id'] } };
    expect(await ask(node, { id }, 'b')).toEqual(nothing);
    expect(await change('deleteGeneration', { id })).toEqual({ __typename: 'DeleteGenerationPayload', deletedId: id });
    expect(await ask(node, { id })).toEqual(nothing);
    expect(await change('deleteGeneration', { id })).toEqual(missing);
  });

  it('is found among others by its id', async () => {
    const id = await idOf();
    const ids = ['model:quick', id, 'model:gone', 'x', id];
    const query = 'query ($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }';
    const found = { __typename: 'Generation', id };
    expect(await ask(query, { ids })).toEqual({
      nodes: [{ __typename: 'Model', id: 'model:quick' }, found, null, null, found],
    });
    await expect(ask(query, { ids: Array(101).fill(id) })).rejects.toThrow(
      '[nodes] got 101 ids; expected at most 100.',
    );
  });
});

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import WebSocket from 'ws';
import { ClientError, createClient, type Client, type ClientOptions, type GenerationEvent } from '@tessera/client';
import { writeRandomModel } from '@tessera/host/testing';
import type { RunningServer } from './index.ts';
import { startTestServer } from './testing/open.ts';

const root = mkdtempSync(join(tmpdir(), 'tessera-client-'));
let server: RunningServer;
const clients: Client[] = [];

beforeAll(async () => {
  const folder = join(root, 'sets');
  await writeRandomModel(folder, { name: 'sets', width: 32, depth: 1, channels: 1, step: 'set' });
  const dataDirectory = join(root, 'data');
  server = await startTestServer({ port: 0, dataDirectory, playground: join(root, 'none'), modelFolders: [folder] });
});

afterAll(async () => {
  await Promise.all(clients.map((client) => client.close()));
  await server?.close();
  rmSync(root, { recursive: true, force: true });
});

function open(options: Partial<ClientOptions> = {}): Client {
  const client = createClient({ url: server.url, webSocket: WebSocket, ...options });
  clients.push(client);
  return client;
}

async function create(client: Client, options: Record<string, unknown> = { steps: 12 }): Promise<string> {
  const made = await client.createGeneration({ model: 'sets', images: [{ count: 2 }], seed: 3, options });
  if (made.__typename !== 'CreateGenerationPayload') throw new Error(made.message);
  return made.generation.id;
}

async function eventsOf(client: Client, id: string): Promise<GenerationEvent[]> {
  const all: GenerationEvent[] = [];
  for await (const event of client.events(id)) if (event.__typename !== 'WaitingEvent') all.push(event);
  return all;
}

/** A socket that breaks without a word after some messages. */
class BrittleSocket extends WebSocket {
  #left = 4;
  constructor(address: string, protocols?: string | string[]) {
    super(address, protocols);
    this.on('message', () => {
      if (--this.#left === 0) this.terminate();
    });
  }
}

/** Streams of it break after some pieces, or end as if they were over. */
const cutting =
  (cut: (stream: TransformStreamDefaultController) => void): typeof fetch =>
  async (...request) => {
    const response = await fetch(...request);
    if (!response.headers.get('content-type')?.includes('event-stream')) return response;
    let left = 3;
    const piecewise = new TransformStream<Uint8Array, Uint8Array>({
      transform(piece, controller) {
        controller.enqueue(piece);
        if (--left === 0) cut(controller);
      },
    });
    return new Response(response.body!.pipeThrough(piecewise), response);
  };

const brittleFetch = cutting((stream) => stream.error(new TypeError('terminated')));
const endingFetch = cutting((stream) => stream.terminate());

/** A socket that stays open and says nothing after some messages: as one to a machine that is gone. */
class SilentSocket extends WebSocket {
  #left = 4;
  override emit(event: string | symbol, ...values: unknown[]): boolean {
    if (event === 'message' && this.#left-- <= 0) return false;
    return super.emit(event, ...values);
  }
}

const silentFetch: typeof fetch = async (...request) => {
  const response = await fetch(...request);
  if (!response.headers.get('content-type')?.includes('event-stream')) return response;
  const reader = response.body!.getReader();
  let left = 3;
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      if (--left < 0) await new Promise(() => undefined);
      const { value } = await reader.read();
      if (value) controller.enqueue(value);
    },
    cancel: () => reader.cancel(),
  });
  return new Response(body, response);
};

/** No socket opens: as behind a proxy that knows none. */
class ClosedSocket extends WebSocket {
  constructor(_address: string, protocols?: string | string[]) {
    super('ws://127.0.0.1:9/', protocols);
  }
}

describe('the client', () => {
  it('makes a generation, follows it, and gets its pictures', async () => {
    const client = open();
    expect((await client.models()).map(({ name }) => name)).toEqual(['sets']);
    const id = await create(client);
    const events = await eventsOf(client, id);
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1));
    expect(events.filter(({ __typename }) => __typename === 'StepEvent').length).toBe(12);
    const done = await client.finished(id);
    if (done.__typename !== 'Generation') throw new Error(done.message);
    expect(done.state).toBe('COMPLETED');
    const png = await client.download(done.images[1]!.picture!);
    expect(await sharp(png).metadata()).toMatchObject({ format: 'png', width: 32, height: 32 });
    expect((await client.generations({ first: 1 })).nodes.map((one) => one.id)).toEqual([id]);
    expect(await client.request('{ models { title } }')).toMatchObject({ models: [{}] });
  });

  it.each([
    ['a socket that breaks again and again', { webSocket: BrittleSocket }],
    ['a stream that breaks again and again', { transport: 'sse', fetch: brittleFetch }],
    ['a socket that is silent again and again', { webSocket: SilentSocket, silenceMs: 300 }],
    ['a stream that is silent again and again', { transport: 'sse', fetch: silentFetch, silenceMs: 300 }],
    ['a stream that ends too soon again and again', { transport: 'sse', fetch: endingFetch }],
    ['Server-Sent Events where no socket opens', { webSocket: ClosedSocket }],
    ['Server-Sent Events where there is no socket', { webSocket: null }],
  ] as const)('gets every event once and in order over %s', async (_what, options) => {
    const client = open(options);
    const id = await create(client);
    const events = await eventsOf(client, id);
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1));
    expect(events.at(-1)!.__typename).toBe('CompletedEvent');
    for await (const event of client.events(id, { after: events.length })) expect.fail(event.__typename);
  });

  it('tells when the connection is lost and when it is back', async () => {
    const told: boolean[] = [];
    const client = open({ webSocket: BrittleSocket, onConnection: (connected) => told.push(connected) });
    await eventsOf(client, await create(client));
    expect(told.length).toBeGreaterThanOrEqual(2);
    expect(told).toEqual(told.map((_, index) => index % 2 === 1));
    expect(told.at(-1)).toBe(true);
  });

  it('sends again what got no answer, and makes one generation of it', async () => {
    const before = (await open().generations({ first: 25 })).nodes.length;
    let lost = 2;
    const forgetful: typeof fetch = async (...request) => {
      const response = await fetch(...request);
      if (lost-- > 0) throw new TypeError('fetch failed');
      return response;
    };
    const client = open({ fetch: forgetful });
    const id = await create(client);
    expect((await open().generations({ first: 25 })).nodes.length).toBe(before + 1);
    await client.finished(id);
  });

  it('edits an upload, and has refusals as data', async () => {
    const client = open();
    const gray = sharp({ create: { width: 32, height: 32, channels: 3, background: 'gray' } });
    const { id: image } = await client.upload(await gray.png().toBuffer(), 'image/png');
    const edit = { image, region: { inside: { x0: 0, y0: 0.5, x1: 1, y1: 1 } } };
    const made = await client.createGeneration({ model: 'sets', edit });
    expect(made.__typename).toBe('CreateGenerationPayload');
    const refused = await client.createGeneration({ model: 'sets', guidance: -1 });
    expect(refused).toMatchObject({
      __typename: 'RequestError',
      code: 'guidance-out-of-range',
      field: ['input', 'guidance'],
    });
    expect(await client.cancelGeneration('x')).toMatchObject({ __typename: 'NotFound' });
  });

  it('throws what has no place in an answer', async () => {
    const client = open();
    await expect(client.request('{ nonsense }')).rejects.toMatchObject({ code: 'GRAPHQL_VALIDATION_FAILED' });
    await expect(client.upload(new Uint8Array(8), 'image/png')).rejects.toMatchObject({
      code: 'picture-format',
      status: 400,
    });
    await expect(eventsOf(client, 'x')).rejects.toMatchObject({ code: 'unknown-generation' });
    const nowhere = open({ url: 'http://127.0.0.1:9' });
    await expect(nowhere.models()).rejects.toBeInstanceOf(ClientError);
    await expect(nowhere.events('x', { tries: 1 }).next()).rejects.toMatchObject({ code: 'unreachable' });
  });

  it('ends a stream when it is told to, also while nothing comes', async () => {
    const client = open();
    const options = { steps: 64, respacing: '1000' };
    const held = await client.createGeneration({ model: 'sets', images: [{ count: 64 }], options });
    if (held.__typename !== 'CreateGenerationPayload') throw new Error(held.message);
    const id = await create(client);
    for (const one of [client, open({ transport: 'sse' })]) {
      const controller = new AbortController();
      const seen: GenerationEvent[] = [];
      setTimeout(() => controller.abort(), 100);
      for await (const event of one.events(id, { signal: controller.signal })) seen.push(event);
      expect(seen.every(({ __typename }) => __typename !== 'CompletedEvent')).toBe(true);
      const streams = [one.events(id), one.events(id)];
      for (const stream of streams) expect((await stream.next()).value).toMatchObject({ seq: 1 });
      const rests = streams.map(async (stream) => {
        for await (const { __typename } of stream) expect(__typename).toBe('WaitingEvent');
      });
      await one.close();
      await Promise.all(rests);
    }
    await client.cancelGeneration(held.generation.id);
    expect((await eventsOf(open(), id)).at(-1)!.__typename).toBe('CompletedEvent');
    expect(await client.deleteGeneration(id)).toMatchObject({ __typename: 'DeleteGenerationPayload' });
  });
});

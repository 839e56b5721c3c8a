import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { Webhook } from 'standardwebhooks';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { EventBody, Store } from '@tessera/store';
import { newDatabase } from '@tessera/store/testing/new-database';
import type { ImageUrls } from '../guard/image-urls.ts';
import { hookCertificate } from '../guard/testing/hook-certificate.ts';
import { toReceiver } from './testing/hooked-process.ts';
import { webhookRecords } from './webhook-records.ts';
import { webhooksOf } from './webhooks-of.ts';
import { openWebhooks, type WebhookEvent, type Webhooks } from './webhooks.ts';
import { openTestStore } from '../testing/open.ts';

const folder = mkdtempSync(join(tmpdir(), 'tessera-hooks-'));
const owner = { tenant: 'a', client: 'b' };
let receiver: Server;
let url: string;
/** Answers each message with a status; the default takes it. */
let answerWith: (count: number) => number | Promise<number>;
let got: {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly seq: number;
  readonly kind: string;
}[];

beforeAll(async () => {
  receiver = createServer(hookCertificate, async (request, response) => {
    const body = await text(request);
    const { event, data } = JSON.parse(body) as Message;
    got.push({ headers: request.headers, body, ...(event ?? data!.event) });
    response.writeHead(await answerWith(got.length)).end();
  });
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
  url = `https://hook.example:${(receiver.address() as AddressInfo).port}/`;
});

afterAll(async () => {
  receiver?.close();
  rmSync(folder, { recursive: true, force: true });
});

beforeEach(() => {
  got = [];
  answerWith = () => 204;
});

interface Message {
  readonly event?: { readonly seq: number; readonly kind: string };
  readonly data?: { readonly event: { readonly seq: number; readonly kind: string } };
}

describe.each(['pglite', 'postgresql'] as const)('webhooks on %s', (kind) => {
  let store: Store;
  const open: Webhooks[] = [];
  const worker = {
    id: 'w',
    name: 'w',
    state: { target: 'onnx', draining: false, models: [], health: { status: 'ok', why: null } },
  };

  beforeAll(async () => {
    store = await openTestStore(kind === 'pglite' ? { directory: folder } : { url: await newDatabase() });
    await store.queue.register(worker);
  });
  afterEach(() => Promise.all(open.splice(0).map((one) => one.close())));
  afterAll(() => store?.close());

  const openOne = (retries?: readonly number[]) => {
    const describeEvent = (id: string, event: object) => Promise.resolve({ id, event });
    const parts = { store, fetch: toReceiver, serverSecret: Buffer.from('secret'), describe: describeEvent };
    const webhooks = openWebhooks({ ...parts, ...(retries && { retries }) });
    open.push(webhooks);
    return webhooks;
  };

  const create = async (webhooks: Webhooks, events?: readonly WebhookEvent[]) => {
    const id = randomUUID();
    await webhooks.add(id, owner, { url, ...(events && { events }) });
    const request = { model: 'm', images: [{ condition: { kind: 'class', label: 1 } as const }], seed: 1 };
    const wish = { priority: 0, deadline: null, idempotencyKey: null, retryOf: null, trace: null };
    await store.generations.create(
      { id, owner, request, batchKey: id, ...wish },
      { maxQueue: 99, maxQueueOfClient: 99 },
    );
    return id;
  };

  const step = (index: number): EventBody => {
    const rest = { positions: [[index]], previews: null, sprite: null, details: null, milliseconds: 1 };
    return { kind: 'step', index, of: 9, ...rest };
  };
  const completed: EventBody = { kind: 'completed', images: [], timings: { steps: [], images: [], total: 1 } };

  /** Claims it as a worker does and writes its events, with pauses. */
  const run = async (id: string, bodies: readonly EventBody[], pause = 0) => {
    await store.queue.beat(worker.id, worker.state);
    const [claim] = await store.queue.claim({ worker: worker.id, models: ['m'], maxImages: 1 });
    expect(claim!.id).toBe(id);
    for (const [i, body] of bodies.entries()) {
      await store.queue.append([{ id, attempt: claim!.attempt, seq: claim!.lastSeq + 1 + i, body }]);
      if (pause > 0) await sleep(pause);
    }
  };
  const told = (count: number) =>
    vi.waitFor(() => expect(got.length).toBeGreaterThanOrEqual(count), { timeout: 60_000 });
  const left = async () => (await store.database.query('SELECT * FROM webhook')).rows.length;
  const noneLeft = () => vi.waitFor(async () => expect(await left()).toBe(0), { timeout: 60_000 });

  it('are signed so that the library of Standard Webhooks takes them', async () => {
    const webhooks = openOne();
    const id = await create(webhooks);
    await run(id, [{ kind: 'started' }, step(0), completed]);
    await noneLeft();
    expect(got.map((one) => one.kind)).toEqual(['completed']);
    const [{ headers, body }] = got as [(typeof got)[0]];
    const verifier = new Webhook(webhooks.secretOf('a'));
    expect(verifier.verify(body, headers as Record<string, string>)).toMatchObject({ id });
    expect(headers['webhook-id']).toBe(`${id}.4`);
    expect(() => new Webhook(webhooks.secretOf('b')).verify(body, headers as Record<string, string>)).toThrow();
    expect(() => verifier.verify(`${body} `, headers as Record<string, string>)).toThrow();
  });

  it('tell the kinds that were asked for, in order, and of steps in a row the newest', async () => {
    const id = await create(openOne(), ['started', 'step', 'completed']);
    await run(id, [{ kind: 'started' }, step(0), step(1), step(2), completed]);
    await noneLeft();
    const seqs = got.map(({ seq }) => seq);
    expect(seqs).toEqual([...seqs].sort((one, other) => one - other));
    expect(got.map((one) => one.kind)).toEqual(['started', 'step', 'completed']);
    expect(got[1]!.seq).toBe(5);
  });

  it('tell nothing twice and leave nothing where only the start was asked for', async () => {
    const id = await create(openOne(), ['started']);
    await run(id, [{ kind: 'started' }, step(0), completed]);
    await noneLeft();
    expect(got.map((one) => one.kind)).toEqual(['started']);
  });

  it('try again until a message is taken, under the same id', async () => {
    answerWith = (count) => (count < 3 ? 500 : 200);
    const id = await create(openOne([0.1, 0.1, 0.1]));
    await run(id, [{ kind: 'started' }, completed]);
    await told(3);
    await noneLeft();
    expect(new Set(got.map(({ headers }) => headers['webhook-id']))).toEqual(new Set([`${id}.3`]));
    expect(got.length).toBe(3);
  });

  it.each([
    ['tries have no end', 500, 3],
    ['the receiver is gone', 410, 1],
    ['the receiver sends elsewhere', 302, 3],
  ])('are given up where %s', async (_, status, tries) => {
    answerWith = () => status;
    const id = await create(openOne([0.05, 0.05]));
    await run(id, [{ kind: 'started' }, completed]);
    await noneLeft();
    expect(got.length).toBe(tries);
  });

  it('are told by the next process where one ends in the middle', async () => {
    const first = openOne();
    const id = await create(first);
    answerWith = () => sleep(60_000, 200, { ref: false });
    await run(id, [{ kind: 'started' }, completed]);
    await told(1);
    await first.close();
    expect(await left()).toBe(1);
    await store.database.query("UPDATE webhook SET next_at = tessera_now() - interval '1 second'");
    answerWith = () => 200;
    openOne();
    await noneLeft();
    expect(got.map(({ seq }) => seq)).toEqual([3, 3]);
  });

  it('are told once by several processes', async () => {
    const all = [openOne(), openOne(), openOne()];
    for (let i = 0; i < 6; i++) await run(await create(all[i % 3]!), [{ kind: 'started' }, completed]);
    await noneLeft();
    expect(got.length).toBe(6);
  });

  it('of generations that are deleted, or were never made, are forgotten', async () => {
    const webhooks = openOne();
    const id = await create(webhooks);
    await webhooks.add(randomUUID(), owner, { url });
    await store.generations.remove(id);
    await store.database.query("UPDATE webhook SET created_at = created_at - interval '1 day'");
    await webhookRecords(store.database).removeOrphans();
    expect([await left(), got]).toEqual([0, []]);
  });

  it('show generation and event as REST does', async () => {
    const urls = { of: (sha256: string) => `/images/${sha256}.png` } as ImageUrls;
    const webhooks = await webhooksOf(store, urls, { secret: 'x'.repeat(32), fetch: toReceiver });
    open.push(webhooks);
    const id = await create(webhooks);
    const sha256 = 'ab'.repeat(32);
    await run(id, [{ kind: 'started' }, { ...completed, images: [sha256] } as EventBody]);
    await noneLeft();
    const picture = { sha256, url: `/images/${sha256}.png` };
    expect(JSON.parse(got[0]!.body)).toMatchObject({
      type: 'generation.completed',
      timestamp: expect.any(String) as string,
      data: {
        generation: { id, state: 'completed', images: [picture] },
        event: { kind: 'completed', seq: 3, images: [picture] },
      },
    });
  });

  it.each([
    [{ url: 'http://hook.example' }, 'url-refused'],
    [{ url: 'https://127.0.0.1/' }, 'url-refused'],
    [{ url: `https://hook.example/${'x'.repeat(2000)}` }, 'webhook-invalid'],
    [{ url: 'https://hook.example', events: [] }, 'webhook-invalid'],
  ])('are refused: %j', async (wish, code) => {
    await expect(openOne().add(randomUUID(), owner, wish)).rejects.toMatchObject({ code });
  });
});

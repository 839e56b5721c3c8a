import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Validator } from '@seriousme/openapi-schema-validator';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { writeRandomModel } from '@tessera/host/testing';
import type { RunningServer } from '../index.ts';
import { requireAsDocumented, type OpenApiDocument } from '../testing/as-documented.ts';
import { startTestServer } from '../testing/open.ts';
import { watchRoutes } from '../testing/watch-routes.ts';

const root = mkdtempSync(join(tmpdir(), 'tessera-rest-'));
let server: RunningServer;
let document: OpenApiDocument;
/** `get /v1/models 200`: every answer that came. */
const seen = new Set<string>();
let routes: ReadonlySet<string>;

beforeAll(async () => {
  routes = watchRoutes();
  const small = { width: 32, depth: 1, channels: 1 } as const;
  await writeRandomModel(join(root, 'quick'), { ...small, name: 'quick' });
  await writeRandomModel(join(root, 'slow'), { name: 'slow', width: 64, depth: 2, channels: 3, step: 'set' });
  server = await startTestServer({
    port: 0,
    address: '127.0.0.1',
    dataDirectory: join(root, 'data'),
    playground: join(root, 'none'),
    modelFolders: ['quick', 'slow'].map((name) => join(root, name)),
  });
  document = (await (await fetch(`${server.url}/openapi.json`)).json()) as OpenApiDocument;
});

afterAll(async () => {
  await server?.close();
  rmSync(root, { recursive: true, force: true });
});

const templateOf = (path: string) =>
  Object.keys(document.paths).find((one) => new RegExp(`^${one.replace(/\{\w+\}/g, '[^/]+')}$`).test(path));

/** Sends a request, and holds its answer against what the document says of that status. */
async function call(
  method: 'get' | 'post' | 'delete',
  path: string,
  more: RequestInit & { readonly json?: object } = {},
) {
  const { json, ...init } = more;
  const type = json && { 'content-type': 'application/json' };
  const headers = { ...type, ...(init.headers as Record<string, string>) };
  const body = json ? { body: JSON.stringify(json) } : {};
  const response = await fetch(server.url + path, { method: method.toUpperCase(), ...body, ...init, headers });
  const template = templateOf(path.split('?')[0]!)!;
  const said = document.paths[template]![method]!.responses[String(response.status)] as
    { content?: object } | undefined;
  expect(said, `${method} ${template} ${response.status}`).toBeDefined();
  seen.add(`${method} ${template} ${response.status}`);
  const contentType = response.headers.get('content-type')?.split(';')[0] ?? null;
  expect(contentType === null ? [] : [contentType]).toEqual(
    said!.content ? [expect.toBeOneOf(Object.keys(said!.content))] : [],
  );
  const answer = contentType === 'application/json' ? ((await response.json()) as Record<string, unknown>) : null;
  const { schema } = (said!.content as Record<string, { schema: object }> | undefined)?.['application/json'] ?? {};
  if (answer) requireAsDocumented(answer, schema!, document.components);
  return { status: response.status, headers: response.headers, answer: answer!, response };
}

const uploadPicture = async () => {
  const data = Uint8Array.from({ length: 1024 }, (_, i) => (i * 11) % 256);
  const body = await sharp(data, { raw: { height: 32, width: 32, channels: 1 } })
    .png()
    .toBuffer();
  return call('post', '/v1/uploads', { body: new Uint8Array(body), headers: { 'content-type': 'image/png' } });
};
const create = (json: object, headers: Record<string, string> = {}) =>
  call('post', '/v1/generations', { json, headers });
const idOf = ({ answer }: { readonly answer: Record<string, unknown> }) => String(answer['id']);
/** Work that is canceled before its end on any machine. */
const slow = { model: 'slow', images: [{ count: 64 }], options: { steps: 64, respacing: '1000' } };

describe('the document', () => {
  it('is valid by a validator of OpenAPI', async () => {
    const validator = new Validator();
    const result = await validator.validate(document as never);
    expect(result.errors ?? []).toEqual([]);
    expect(validator.version).toBe('3.1');
  });

  it('gives every operation a name of its own', () => {
    const names = Object.values(document.paths).flatMap((one) =>
      Object.values(one).map(({ operationId }) => operationId),
    );
    expect(new Set(names).size).toBe(names.length);
  });
});

describe('generations', () => {
  it('are finished at once for those who wait', async () => {
    const { status, headers, answer } = await create(
      { model: 'quick', images: [{ condition: { class: 'seven' }, count: 2 }], seed: 4 },
      { prefer: 'wait=30' },
    );
    expect([status, headers.get('preference-applied')]).toEqual([201, 'wait=30']);
    expect(headers.get('location')).toBe(`/v1/generations/${String(answer['id'])}`);
    expect(answer).toMatchObject({ state: 'completed', images: [{}, {}], request: { seed: 4 } });
    const [{ url }] = answer['images'] as [{ url: string }];
    expect((await call('get', url)).headers.get('content-type')).toBe('image/png');
    expect((await call('get', headers.get('location')!)).answer).toEqual(answer);
  });

  it('are accepted where the client does not wait, or not long enough', async () => {
    const begun = Date.now();
    const first = await create(slow);
    const second = await create(slow, { prefer: 'respond-async, wait=1' });
    expect([first.status, second.status]).toEqual([202, 202]);
    expect(Date.now() - begun).toBeLessThan(15_000);
    expect(first.answer).toMatchObject({ state: 'queued', images: [] });
    for (const one of [second, first])
      expect((await call('post', `/v1/generations/${idOf(one)}/cancel`)).status).toBe(202);
  });

  it('are the same for one key', async () => {
    const key = { 'idempotency-key': 'once', prefer: 'wait=30' };
    const first = await create({ model: 'quick' }, key);
    const second = await create({ model: 'quick' }, key);
    expect([first.status, second.status]).toEqual([201, 200]);
    expect(second.answer).toEqual(first.answer);
    expect((await create({ model: 'quick', seed: 1 }, key)).status).toBe(409);
  });

  it('are deleted', async () => {
    const path = `/v1/generations/${idOf(await create({ model: 'quick' }, { prefer: 'wait=30' }))}`;
    expect((await call('delete', path)).status).toBe(204);
    for (const method of ['get', 'delete'] as const) expect((await call(method, path)).status).toBe(404);
    for (const more of ['/cancel', '/events'])
      expect((await call(more === '/cancel' ? 'post' : 'get', path + more)).status).toBe(404);
  });

  it('are canceled in the time that their client has said', async () => {
    const created = await create(slow, { 'cancel-after': '1s' });
    await vi.waitFor(
      async () => {
        const { answer } = await call('get', `/v1/generations/${idOf(created)}`);
        expect(answer['state']).toBe('canceled');
      },
      { timeout: 30_000, interval: 200 },
    );
  });

  it('edit what was uploaded', async () => {
    const upload = await uploadPicture();
    expect(upload.status).toBe(201);
    const edit = { image: upload.answer['id'], region: { inside: { x0: 0, y0: 0.5, x1: 1, y1: 1 } } };
    const { answer } = await create({ model: 'quick', edit }, { prefer: 'wait=30' });
    expect(answer).toMatchObject({ state: 'completed', request: { edit: { image: upload.answer['id'] } } });
  });

  const condition = ['images', '0', 'condition'];
  it.each([
    [[], 400, 'field-invalid', undefined],
    [{}, 400, 'field-missing', ['model']],
    [{ model: 'quick', sede: 1 }, 400, 'field-unknown', ['sede']],
    [{ model: 'none' }, 404, 'unknown-model', ['model']],
    [{ model: 'quick', seed: -1 }, 400, 'field-invalid', ['seed']],
    [{ model: 'quick', guidance: 1000 }, 400, 'guidance-out-of-range', ['guidance']],
    [{ model: 'quick', images: [{ count: 65 }] }, 400, 'field-invalid', ['images', '0', 'count']],
    [{ model: 'quick', images: [{ condition: {} }] }, 400, 'field-invalid', condition],
    [{ model: 'quick', images: [{ condition: { label: 1, class: 'two' } }] }, 400, 'field-invalid', condition],
    [{ model: 'quick', images: [{ condition: { class: 'cat' } }] }, 400, 'unknown-label', [...condition, 'class']],
    [{ model: 'quick', options: { topK: 65 } }, 400, 'field-invalid', ['options']],
    [{ model: 'quick', deadline: 'tomorrow' }, 400, 'field-invalid', ['deadline']],
    [{ model: 'quick', deadline: '2020-01-01T00:00:00Z' }, 400, 'deadline-in-past', ['deadline']],
    [{ model: 'quick', edit: { image: '0'.repeat(64) } }, 404, 'unknown-picture', ['edit', 'image']],
    [{ model: 'quick', webhook: { url: 'https://10.0.0.1/' } }, 400, 'url-refused', ['webhook', 'url']],
    [
      { model: 'quick', webhook: { url: 'https://a.example', events: [] } },
      400,
      'field-invalid',
      ['webhook', 'events'],
    ],
  ])('are refused with the field to blame: %j', async (json, status, code, field) => {
    const refused = await create(json);
    expect(refused.status).toBe(status);
    expect(refused.answer).toMatchObject({ errors: [{ extensions: { code, ...(field && { field }) } }] });
  });

  it.each([
    [{ 'cancel-after': 'soon' }, 'cancel-after-invalid', 'Cancel-After', 'soon'],
    [{ 'cancel-after': '25h' }, 'cancel-after-invalid', 'Cancel-After', '25h'],
    [{ 'idempotency-key': 'a\u00e9' }, 'idempotency-key-invalid', 'Idempotency-Key', 'that holds "\u00e9"'],
  ])('are refused with the header to blame: %j', async (headers, code, field, words) => {
    const { status, answer } = await create({ model: 'quick' }, headers as Record<string, string>);
    expect(status).toBe(400);
    expect(answer).toMatchObject({
      errors: [{ message: expect.stringContaining(words), extensions: { code, field: [field] } }],
    });
  });

  it('are refused where the body is no JSON', async () => {
    const type = { 'content-type': 'application/json' };
    for (const [body, headers] of [['{'], ['[]'], ['"x"'], ['x', { 'content-encoding': 'gzip' }]] as const) {
      const { status, answer } = await call('post', '/v1/generations', { body, headers: { ...type, ...headers } });
      expect(status).toBe(400);
      expect(JSON.stringify(answer)).not.toContain('query');
    }
  });
});

describe('events', () => {
  interface Sent {
    readonly id: string | undefined;
    readonly event: string;
    readonly data: Record<string, unknown>;
  }
  const eventsOf = async (path: string, headers: Record<string, string> = {}): Promise<Sent[]> => {
    const { response } = await call('get', path, { headers });
    return (await response.text())
      .split('\n\n')
      .filter((one) => one.includes('data: '))
      .map((one) => {
        const line = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(one)?.[1];
        return { id: line('id'), event: line('event')!, data: JSON.parse(line('data')!) as Record<string, unknown> };
      });
  };

  it('are sent from the first to the last, live and again, and after one that was seen', async () => {
    const id = idOf(await create({ model: 'quick', images: [{ count: 2 }], preview: 'decoded' }));
    const path = `/v1/generations/${id}/events`;
    const live = (await eventsOf(path)).filter(({ event }) => event !== 'waiting');
    expect(live.map((one) => one.id)).toEqual(live.map((_, i) => String(i + 1)));
    expect([live[0]!.event, live.at(-1)!.event]).toEqual(['queued', 'completed']);
    for (const { data } of live) requireAsDocumented(data, { $ref: '#/components/schemas/Event' }, document.components);
    const step = live.find(({ event }) => event === 'step')!;
    const [{ url }] = step.data['previews'] as [{ url: string }];
    expect((await fetch(server.url + url)).status).toBe(200);
    expect(await eventsOf(path)).toEqual(live);
    expect(await eventsOf(path, { 'last-event-id': '2' })).toEqual(live.slice(2));
    expect(await eventsOf(`${path}?after=3`)).toEqual(live.slice(3));
    expect((await call('get', path, { headers: { 'last-event-id': String(live.length) } })).status).toBe(204);
    expect((await call('get', `${path}?after=x`)).status).toBe(400);
    expect((await call('get', `${path}?after=999`)).status).toBe(400);
  });

  it('cost nothing where a client goes away, and cancel nothing', async () => {
    const id = idOf(await create(slow));
    const gone = new AbortController();
    await fetch(`${server.url}/v1/generations/${id}/events`, { signal: gone.signal });
    gone.abort();
    await sleep(200);
    expect((await call('get', `/v1/generations/${id}`)).answer['state']).not.toBe('canceled');
    await call('post', `/v1/generations/${id}/cancel`);
  });
});

describe('every route', () => {
  const documented = () =>
    Object.entries(document.paths).flatMap(([path, one]) => Object.keys(one).map((method) => `${method} ${path}`));

  it('is documented, and every documented one is there', () => {
    // The page, or where there is none a sentence.
    const registered = [...routes].filter((route) => route !== 'get /');
    expect(registered.sort()).toEqual(documented().sort());
  });

  it('refuses other methods as the document says, and names those that it has', async () => {
    const { schema } = document.components.responses['MethodNotAllowed']!.content['application/json']!;
    for (const [path, one] of Object.entries(document.paths)) {
      const response = await fetch(server.url + path.replace(/\{\w+\}/g, 'x'), { method: 'PATCH' });
      const methods = Object.keys(one).flatMap((name) => (name === 'get' ? ['GET', 'HEAD'] : [name.toUpperCase()]));
      const allowed = response.headers.get('allow')?.split(', ');
      expect([path, response.status, allowed?.sort()]).toEqual([path, 405, methods.sort()]);
      requireAsDocumented(await response.json(), schema, document.components);
    }
  });

  it('is exercised', async () => {
    await call('get', '/openapi.json');
    await call('get', '/healthz');
    await call('get', '/readyz');
    await call('get', '/v1/webhooks/secret');
    await call('get', '/metrics');
    await call('get', '/v1/models');
    await call('get', '/v1/models/quick');
    await call('get', '/v1/models/none');
    expect((await call('get', '/v1/models/quick/samples')).status).toBe(404);
    const json = { model: 'quick', prompt: 'one' };
    await call('post', '/v1/images/generations', { json });
    await call('post', '/v1/images/generations', { json: { ...json, n: 'x' } });
    const form = new FormData();
    form.set('prompt', 'x');
    await call('post', '/v1/images/edits', { body: form });
    const missing = await call('get', `/images/${'0'.repeat(64)}.png`);
    expect(missing.status).toBe(404);
    const tried = new Set([...seen].map((one) => one.replace(/ \d+$/, '')));
    expect(documented().filter((route) => !tried.has(route))).toEqual([]);
  });
});

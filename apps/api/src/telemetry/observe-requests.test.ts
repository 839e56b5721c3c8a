import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { writeRandomModel } from '@tessera/host/testing';
import { configureLog, registry, startTelemetry } from '@tessera/telemetry';
import { startTraceReceiver, type TraceReceiver } from '@tessera/telemetry/testing';
import type { RunningServer } from '../index.ts';
import { testClient } from '../testing/test-client.ts';
import { startTestServer } from '../testing/open.ts';

const root = mkdtempSync(join(tmpdir(), 'tessera-observed-'));
let server: RunningServer;
let receiver: TraceReceiver;
let endTelemetry: () => Promise<void>;

beforeAll(async () => {
  // Of the process: other files have counted.
  registry.resetMetrics();
  receiver = await startTraceReceiver();
  process.env['OTEL_EXPORTER_OTLP_ENDPOINT'] = receiver.url;
  endTelemetry = await startTelemetry('all');
  await writeRandomModel(join(root, 'quick'), { name: 'quick', width: 32, depth: 1, channels: 1 });
  server = await startTestServer({
    port: 0,
    address: '127.0.0.1',
    dataDirectory: join(root, 'data'),
    playground: join(root, 'none'),
    modelFolders: [join(root, 'quick')],
  });
});

afterAll(async () => {
  await server?.close();
  await receiver?.close();
  delete process.env['OTEL_EXPORTER_OTLP_ENDPOINT'];
  rmSync(root, { recursive: true, force: true });
});

/** Of one metric, by its labels. */
async function samples(name: string): Promise<Map<string, number>> {
  const text = await (await fetch(`${server.url}/metrics`)).text();
  const lines = text.split('\n').filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `));
  return new Map(lines.map((line) => [line.slice(name.length, line.lastIndexOf(' ')), Number(line.split(' ').at(-1))]));
}

it('counts requests by their declared route, and gives each an id', async () => {
  const paths = ['/graphql?query={models{name}}', '/images/0.png', '/images/1.png', '/nothing/of/this', '/healthz'];
  for (const path of paths) await fetch(`${server.url}${path}`);
  const counted = await samples('tessera_http_request_duration_seconds_count');
  const route = (name: string, status: number) => counted.get(`{route="${name}",method="GET",status="${status}"}`);
  expect([route('/images/:name', 404), route('none', 404), route('/healthz', 200)]).toEqual([2, 1, 1]);
  expect([...counted.keys()].filter((labels) => labels.includes('of/this'))).toEqual([]);
  expect((await fetch(server.url)).headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
  const named = await fetch(server.url, { headers: { 'x-request-id': 'mine-1' } });
  expect(named.headers.get('x-request-id')).toBe('mine-1');
  const odd = await fetch(server.url, { headers: { 'x-request-id': 'a b"' } });
  expect(odd.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
});

it('says what the process itself needs', async () => {
  expect((await samples('process_resident_memory_bytes')).get('')).toBeGreaterThan(1e7);
  expect((await samples('nodejs_eventloop_lag_p99_seconds')).get('')).toBeGreaterThanOrEqual(0);
});

it('logs a request with its route, never with its path or its headers', async () => {
  const output = vi.spyOn(console, 'error').mockImplementation(() => undefined);
  configureLog({ format: 'text', level: 'info' }, 'all');
  const headers = { authorization: 'Bearer tsr_secretsecretsecret', cookie: 'a=secret' };
  await fetch(`${server.url}/images/secret.png?signature=secret`, { headers });
  await vi.waitFor(() => expect(output).toHaveBeenCalled(), 60_000);
  const text = output.mock.calls.flat().join('\n');
  output.mockRestore();
  configureLog({ format: 'text', level: 'warn' }, 'all');
  expect(text).toMatch(/ info {2}request \(id=[\w-]+, method=GET, route=\/images\/:name, status=404, ms=[\d.]+\)$/);
  expect(text).not.toContain('secret');
});

it('continues the trace of its client, and names its own span in the answer', async () => {
  const trace = '0af7651916cd43dd8448eb211c80319c';
  const body = JSON.stringify({ query: '{ models { name } }' });
  const headers = { 'content-type': 'application/json', traceparent: `00-${trace}-b7ad6b7169203331-01` };
  const answer = await fetch(`${server.url}/graphql`, { method: 'POST', headers, body });
  const [, traceId, spanId] = answer.headers.get('traceparent')!.split('-');
  expect(traceId).toBe(trace);
  const sent = () => receiver.spans.filter((span) => span.traceId === trace);
  await vi.waitFor(() => expect(sent().length).toBeGreaterThan(0), { timeout: 60_000 });
  expect(sent()).toMatchObject([{ name: 'POST /graphql', spanId, parentSpanId: 'b7ad6b7169203331' }]);
});

it('traces a generation from the request to each of its steps', async () => {
  const client = testClient(server.url);
  const { id } = await client.create({ model: 'quick' });
  const events = await client.events(id);
  const steps = events.filter(({ kind }) => kind === 'STEP').length;
  expect(steps).toBeGreaterThan(1);
  await endTelemetry();
  const generation = receiver.spans.find(({ attributes }) => attributes.some(({ value }) => value.stringValue === id));
  const tree = receiver.tree(generation!.traceId);
  const lines = tree.split('\n');
  expect(lines.slice(0, 3).map((line) => line.replace(/ \[.*/, ''))).toEqual([
    'POST /graphql',
    '  store generation',
    '    generation',
  ]);
  const parts = lines.slice(3).map((line) => /^ {6}(\w+) /.exec(line)?.[1]);
  const often = (name: string) => parts.filter((part) => part === name).length;
  expect([often('claim'), often('load'), often('step')]).toEqual([1, 1, steps]);
  expect(often('append')).toBeGreaterThan(0);
  expect(often('put')).toBeGreaterThanOrEqual(1);
  expect(lines[2]).toContain('tessera.outcome=completed');
  expect(receiver.spans.filter(({ name }) => name.includes('healthz'))).toEqual([]);
});

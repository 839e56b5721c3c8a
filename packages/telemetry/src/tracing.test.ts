import { afterAll, beforeAll, expect, it } from 'vitest';
import { TesseraError } from '@tessera/errors';
import { contextOf, inSpan, openSpan, recordSpan, startTelemetry, traceparent } from './index.ts';
import { startTraceReceiver, type TraceReceiver } from './testing/trace-receiver.ts';

let receiver: TraceReceiver;
let end: () => Promise<void>;

beforeAll(async () => {
  receiver = await startTraceReceiver();
});
afterAll(() => receiver.close());

it('costs nothing and names nothing where no receiver is named', async () => {
  await (
    await startTelemetry('api', {})
  )();
  expect(traceparent()).toBeNull();
  expect(await inSpan('alone', {}, () => Promise.resolve(traceparent()))).toBeNull();
});

it('sends a tree whose parts of another process hang below the request, to a real receiver', async () => {
  const environment = { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url, OTEL_SERVICE_NAME: 'tessera-test' };
  Object.assign(process.env, environment);
  end = await startTelemetry('all', environment);
  const asked = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
  const stored = await inSpan('POST /graphql', { parent: contextOf(asked) }, () =>
    inSpan('create', { attributes: { 'tessera.model': 'm' } }, () => Promise.resolve(traceparent())),
  );
  expect(stored).toMatch(/^00-0af7651916cd43dd8448eb211c80319c-[0-9a-f]{16}-01$/);

  // As a worker does, which knows no more than what is stored.
  const generation = openSpan('generation', { parent: contextOf(stored) });
  recordSpan('step', 12, { parent: generation.context, attributes: { 'tessera.step': 0 } });
  const failing = inSpan('append', { parent: generation.context }, () =>
    Promise.reject(new TesseraError({ code: 'storage-failed', who: 'store', got: 'nothing', expected: 'rows' })),
  );
  await expect(failing).rejects.toThrow('got nothing');
  generation.span.end();
  await end();

  const tree = receiver.tree('0af7651916cd43dd8448eb211c80319c');
  expect(tree.split('\n').map((line) => line.replace(/[\d.]+ ms/, 'T'))).toEqual([
    'POST /graphql [all] T',
    '  create [all] T tessera.model=m',
    '    generation [all] T',
    '      step [all] T tessera.step=0',
    '      append [all] T tessera.code=storage-failed FAILED',
  ]);
  expect(receiver.spans.find(({ name }) => name === 'step')).toMatchObject({ parentSpanId: expect.any(String) });
  expect(tree).toContain('step [all] 12.0 ms');
});

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as wait } from 'node:timers/promises';
import { startServer } from '@tessera/api';
import type { Figures } from '../measure.ts';
import { serveSide, sideSettings } from './serve-side.ts';

interface Settings {
  readonly folder: string;
  readonly model: string;
  readonly threads: number;
  readonly label: number;
}

const { folder, model, threads, label } = sideSettings<Settings>();
const dataDirectory = mkdtempSync(join(tmpdir(), 'tessera-bench-server-'));
const place = { port: 0, address: '127.0.0.1', dataDirectory, playground: join(dataDirectory, 'none') };
const server = await startServer({ ...place, modelFolders: [folder], threads });
const delay = monitorEventLoopDelay({ resolution: 1 });

await serveSide(`Tessera (${server.host!.target})`, oneGeneration);
await server.close();
rmSync(dataDirectory, { recursive: true });

/** One generation over HTTP, with the server's event loop watched until its end. Seconds. */
async function oneGeneration(): Promise<Figures> {
  delay.reset();
  delay.enable();
  const start = performance.now();
  const input = { model, images: { condition: { label } }, preview: 'NONE' };
  const { createGeneration } = await query<{ createGeneration: { generation: { id: string } } }>(
    'mutation ($input: CreateGenerationInput!) { createGeneration(input: $input) { ... on CreateGenerationPayload { generation { id } } } }',
    { input },
  );
  for (;;) {
    await wait(100);
    const { generation } = await query<{ generation: { state: string } }>(
      'query ($id: ID!) { generation(id: $id) { ... on Generation { state } } }',
      { id: createGeneration.generation.id },
    );
    if (generation.state === 'COMPLETED') break;
    if (generation.state !== 'QUEUED' && generation.state !== 'RUNNING')
      throw new Error(`It ended ${generation.state}.`);
  }
  delay.disable();
  const total = (performance.now() - start) / 1000;
  return { total, p50: seconds(50), p99: seconds(99), worst: delay.max / 1e9 };
}

/** The monitor counts the time between its own timers, one millisecond apart; what lies beyond is delay. */
function seconds(percentile: number): number {
  return Math.max(0, delay.percentile(percentile) / 1e9 - 0.001);
}

async function query<T>(text: string, variables: object): Promise<T> {
  const response = await fetch(`${server.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query: text, variables }),
  });
  const { data, errors } = (await response.json()) as { data: T; errors?: unknown };
  if (errors) throw new Error(JSON.stringify(errors));
  return data;
}

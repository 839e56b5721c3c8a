import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';
import type { Figures, Side } from './measure.ts';

/** A server in a process of its own, and a client of it in this one. */
export interface Service {
  /** Creates generations at once, follows each to its end on one socket, and returns when all have ended; seconds. */
  generate(inputs: readonly object[]): Promise<Figures>;
  end(): Promise<void>;
}

interface ServiceOptions {
  readonly threads: number;
  /** An API process and so many worker processes over PostgreSQL; where left out, one process with its embedded database. */
  readonly shared?: { readonly databaseUrl: string; readonly workers: number; readonly maxBatch: number };
}

const entry = fileURLToPath(new URL('../../../apps/cli/src/main.ts', import.meta.url));

export async function startService({ threads, shared }: ServiceOptions): Promise<Service> {
  const directory = mkdtempSync(join(tmpdir(), 'tessera-bench-service-'));
  const environment = {
    ...process.env,
    PORT: '0',
    TESSERA_DATA: directory,
    TESSERA_THREADS: String(threads),
    TESSERA_MAX_QUEUE: '1000',
    DATABASE_URL: shared?.databaseUrl ?? '',
    TESSERA_MAX_BATCH: String(shared?.maxBatch ?? 64),
  };
  const children: ChildProcess[] = [];
  const start = async (role: string): Promise<string> => {
    const child = spawn(process.execPath, [...process.execArgv, entry, 'serve', '--role', role], {
      env: environment,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    children.push(child);
    for await (const line of createInterface({ input: child.stdout! })) {
      if (line.includes('Tessera is ready')) {
        child.stdout!.resume();
        return /http:\S+/.exec(line)?.[0] ?? '';
      }
    }
    throw new Error(`The ${role} process ended before it was ready.`);
  };
  const url = await start(shared ? 'api' : 'all');
  for (let i = 0; i < (shared?.workers ?? 0); i++) await start('worker');
  const socket = createClient({ url: `${url.replace('http', 'ws')}/graphql`, webSocketImpl: WebSocket, lazy: false });
  return {
    async generate(inputs) {
      const from = performance.now();
      const since = (): number => (performance.now() - from) / 1000;
      let first = 0;
      await Promise.all(
        inputs.map(async (input) => {
          const id = await create(url, input);
          for await (const { data } of socket.iterate<EventData>({ query: eventsQuery, variables: { id } })) {
            const { kind, reason, message } = data!.generationEvents;
            if (kind === 'STEP') first ||= since();
            if (kind === 'FAILED' || kind === 'CANCELED') throw new Error(`It ended ${kind}: ${reason} ${message}`);
          }
        }),
      );
      return { total: since(), first };
    },
    async end() {
      await socket.dispose();
      for (const child of children) {
        child.kill('SIGTERM');
        if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
      }
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** The service as a side that runs the same generations each time. */
export function serviceSide(service: Service, runtime: string, inputs: readonly object[]): Side {
  return { runtime, run: () => service.generate(inputs), end: () => Promise.resolve() };
}

interface EventData {
  readonly generationEvents: { readonly kind: string; readonly reason?: string; readonly message?: string };
}
const eventsQuery = `subscription ($id: ID!) {
  generationEvents(id: $id) { kind seq ... on FailedEvent { reason message } } }`;

const createQuery = `mutation ($input: CreateGenerationInput!) { createGeneration(input: $input) {
  ... on CreateGenerationPayload { generation { id } } ... on Error { message } } }`;

async function create(url: string, input: object): Promise<string> {
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query: createQuery, variables: { input } }),
  });
  const answer = (await response.json()) as {
    data?: { createGeneration: { generation?: { id: string }; message?: string } };
    errors?: unknown;
  };
  const id = answer.data?.createGeneration.generation?.id;
  if (id === undefined) throw new Error(JSON.stringify(answer.errors ?? answer.data));
  return id;
}

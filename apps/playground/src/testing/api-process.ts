import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import process from 'node:process';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { Model } from '../api/operations.ts';

export interface ApiProcess {
  readonly url: string;
  /** Ends it as a crash would. */
  kill(): Promise<void>;
}

const main = fileURLToPath(new URL('../../../api/src/main.ts', import.meta.url));
const cli = fileURLToPath(new URL('../../../cli/bin/tessera.mjs', import.meta.url));
const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;

/** The real server, as `npm start` runs it. */
export async function startApi(environment: Record<string, string>): Promise<ApiProcess> {
  const child = spawn(process.execPath, ['--conditions=@tessera/source', '--import', tsx, main], {
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const url = await readUrl(child);
  return {
    url,
    async kill() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
    },
  };
}

/** The command of the operator, where no server runs on these data. */
export function keys(environment: Record<string, string>, ...args: string[]): string {
  const of = ['--tenant', 'acme', '--name', 'page'];
  const env = { ...process.env, ...environment };
  const { status, stdout, stderr } = spawnSync(process.execPath, [cli, 'keys', ...args, ...of], {
    encoding: 'utf8',
    env,
  });
  if (status !== 0) throw new Error(stderr);
  return stdout.trim();
}

function readUrl(child: ChildProcess): Promise<string> {
  let output = '';
  return new Promise((resolve, reject) => {
    child.once('exit', () => reject(new Error(`The server ended before it was ready. ${output}`)));
    child.stdout!.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      const url = /Tessera is ready: (\S+) \(models: (?!none)/.exec(output)?.[1];
      if (url) resolve(url);
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

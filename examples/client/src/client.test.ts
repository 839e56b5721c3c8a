import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';

/* The example, the code of the client's readme and that of the API's readme, run as they are against a real server. */

const root = fileURLToPath(new URL('../../..', import.meta.url));
const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
const work = mkdtempSync(join(tmpdir(), 'tessera-example-'));
let server: ChildProcess;
let url: string;

beforeAll(async () => {
  const environment = { PORT: '0', TESSERA_DATA: join(work, 'data') };
  server = spawn(
    process.execPath,
    ['--conditions=@tessera/source', '--import', tsx, join(root, 'apps/api/src/main.ts')],
    {
      env: { ...process.env, ...environment },
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  let output = '';
  url = await new Promise((resolve, reject) => {
    server.once('exit', () => reject(new Error(`The server ended before it was ready. ${output}`)));
    server.stdout!.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      const found = /(http:\/\/\S+?)[\s/]/.exec(output)?.[1];
      if (found) resolve(found);
    });
  });
});

afterAll(async () => {
  server.kill('SIGTERM');
  if (server.exitCode === null) await once(server, 'exit');
  rmSync(work, { recursive: true, force: true });
});

function run(file: string, ...args: string[]): { readonly status: number | null; readonly text: string } {
  const all = ['--conditions=@tessera/source', '--import', tsx, file, ...args];
  const { status, stdout, stderr } = spawnSync(process.execPath, all, { cwd: work, encoding: 'utf8', timeout: 60_000 });
  return { status, text: stdout + stderr };
}

const isPng = (file: string) => readFileSync(file).subarray(1, 4).toString() === 'PNG';

it('keeps every step of a picture', () => {
  const folder = join(work, 'steps');
  const { status, text } = run(join(import.meta.dirname, 'keep-steps.ts'), url, 'digits-var', '7', folder);
  expect([status, text]).toEqual([0, expect.stringMatching(/^queued\n[^]*step 1 of \d+\n[^]*finished in \d+ ms/)]);
  const files = readdirSync(folder);
  const steps = Number(/step 1 of (\d+)/.exec(text)![1]);
  expect(files.length).toBe(steps + 1);
  for (const file of files) expect(isPng(join(folder, file))).toBe(true);
});

it('says what the server refuses', () => {
  const { status, text } = run(join(import.meta.dirname, 'keep-steps.ts'), url, 'digits-var', 'dog');
  expect(status).toBe(1);
  expect(text).toContain('got the label dog');
});

it('runs the code of the readme', () => {
  const readme = readFileSync(join(root, 'packages/client/README.md'), 'utf8');
  const code = /```ts\n([^]*?)```/.exec(readme)![1]!;
  // Beside the example, where the package is found.
  const file = join(import.meta.dirname, 'readme.tmp.ts');
  writeFileSync(file, code.replace('http://localhost:4000', url));
  try {
    const { status, text } = run(file);
    expect([status, text]).toEqual([0, expect.stringMatching(/^step 1 of \d+\n/)]);
    expect(isPng(join(work, 'seven.png'))).toBe(true);
  } finally {
    rmSync(file);
  }
});

/** Blocks of the API's readme, which each stand for themselves. */
const blocks = [
  ...readFileSync(join(root, 'apps/api/README.md'), 'utf8').matchAll(
    /<!-- run with a server -->\s*```(bash|ts)\n([^]*?)```/g,
  ),
].map(([, language, code], index) => ({ index, language: language!, code: code! }));

it('has examples of REST, OpenAI and GraphQL in the readme of the API', () => {
  expect(blocks.map(({ language }) => language)).toEqual(['bash', 'bash', 'ts', 'ts', 'bash']);
});

it.each(blocks)('runs its example $index, $language', ({ language, code }) => {
  const text = code.replaceAll('http://localhost:4000', url);
  if (language === 'bash') {
    const script = ['-euo', 'pipefail', '-c', text];
    const { status, stdout, stderr } = spawnSync('bash', script, { cwd: work, encoding: 'utf8', timeout: 60_000 });
    expect(status, stdout + stderr).toBe(0);
    return expect(stdout).toMatch(/"state":"completed"|"kind":"COMPLETED"/);
  }
  const file = join(import.meta.dirname, 'block.tmp.ts');
  writeFileSync(file, text);
  try {
    expect(run(file)).toEqual({ status: 0, text: expect.stringMatching(/completed|COMPLETED/) });
  } finally {
    rmSync(file);
  }
});

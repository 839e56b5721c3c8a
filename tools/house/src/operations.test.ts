import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, rmSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startPostgres, type TestPostgres } from '@tessera/store/testing';
import { root } from './files.ts';

/** The blocks of docs/operations.md that continue one another, as one session on a machine that has PostgreSQL. */
const blocks = [
  ...readFileSync(join(root, 'docs/operations.md'), 'utf8').matchAll(/<!-- run in order -->\s*```bash\n([\s\S]*?)```/g),
].map(([, block]) => block!);

const folder = join(root, 'out/operations');
let postgres: TestPostgres;

beforeAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  postgres = await startPostgres();
});

afterAll(async () => {
  await postgres?.stop();
  rmSync(folder, { recursive: true, force: true });
});

it('starts an API and a worker over PostgreSQL, makes an image, shows metrics, and stops', async () => {
  expect(blocks.length).toBeGreaterThan(3);
  const env = {
    ...process.env,
    PATH: [join(root, 'node_modules/.bin'), process.env['PATH']].join(delimiter),
    DATABASE_URL: await postgres.database(),
    TESSERA_DATA: folder,
    NODE_ENV: 'production',
  };
  // Each block in sight of the others' jobs; what a failure leaves running goes with the process group.
  const shell = spawn('bash', ['-euo', 'pipefail', '-c', blocks.join('\necho ---\n')], {
    cwd: root,
    env,
    detached: true,
  });
  let output = '';
  for (const stream of [shell.stdout, shell.stderr]) stream.on('data', (bytes: Buffer) => (output += bytes.toString()));
  const timer = setTimeout(() => process.kill(-shell.pid!, 'SIGKILL'), 150_000);
  try {
    const [code] = (await once(shell, 'close')) as [number | null];
    expect(code, output).toBe(0);
  } finally {
    clearTimeout(timer);
    try {
      process.kill(-shell.pid!, 'SIGKILL');
    } catch {
      // Nothing of it is left.
    }
  }
  expect(output).toContain('"role":"worker"');
  expect(output).toMatch(/"url": ?"http:\/\/localhost:4501\/images\/[0-9a-f]{64}\.png"/);
  expect(output).toContain('tessera_generations_ended_total{model="digits-var",state="completed",code=""} 1');
  expect(output).toContain('Tessera is ready: a worker');
  expect(output.match(/Tessera is stopping/g)?.length, output).toBe(2);
}, 180_000);

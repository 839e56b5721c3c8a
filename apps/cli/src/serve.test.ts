import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, expect, it, vi } from 'vitest';

const bin = resolve(import.meta.dirname, '../bin/tessera.mjs');
// The process that is started has another one to leave behind only where it runs the sources.
vi.stubEnv('TESSERA_BUILT', '');
const folder = mkdtempSync(join(tmpdir(), 'tessera-serve-'));
afterAll(() => rmSync(folder, { recursive: true }));

it('logs what its models’ process prints, and leaves no server behind where the process that was started is killed', async () => {
  const config = join(folder, 'tessera.config.mjs');
  writeFileSync(config, `console.error('It begins.\\nBearer abcdefgh12345'); export const config = { plugins: [] };`);
  const env = { ...process.env, PORT: '0', DATABASE_URL: '', TESSERA_DATA: folder, TESSERA_MODELS: folder };
  Object.assign(env, { NODE_ENV: 'production', TESSERA_CONFIG: config });
  const started = spawn(process.execPath, [bin, 'serve'], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  let logged = '';
  started.stderr.on('data', (chunk: Buffer) => (logged += String(chunk)));
  started.stdout.on('data', (chunk: Buffer) => {
    said += String(chunk);
    if (said.includes('Tessera is ready')) started.kill('SIGKILL');
  });
  // All processes that write to it have ended.
  await once(started.stdout, 'close');
  expect(said).toMatch(/Tessera is ready.*\nTessera is stopping/);
  const url = /http:\S+/.exec(said)![0];
  await expect(fetch(`${url}/healthz`)).rejects.toThrow();
  const lines = logged.split('\n').filter((line) => line.includes('"process":"models"'));
  expect(lines.map((line) => JSON.parse(line) as object)).toMatchObject([
    { level: 'warn', role: 'all', msg: 'It begins.' },
    { level: 'warn', role: 'all', msg: 'Bearer [removed]' },
  ]);
});

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, expect, it } from 'vitest';

const bin = resolve(import.meta.dirname, '../bin/tessera.mjs');
const folder = mkdtempSync(join(tmpdir(), 'tessera-serve-'));
afterAll(() => rmSync(folder, { recursive: true }));

it('leaves no server behind where the process that was started is killed', async () => {
  const env = { ...process.env, PORT: '0', DATABASE_URL: '', TESSERA_DATA: folder, TESSERA_MODELS: folder };
  const started = spawn(process.execPath, [bin, 'serve'], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  started.stdout.on('data', (chunk: Buffer) => {
    said += String(chunk);
    if (said.includes('Tessera is ready')) started.kill('SIGKILL');
  });
  // All processes that write to it have ended.
  await once(started.stdout, 'close');
  expect(said).toMatch(/Tessera is ready.*\nTessera is stopping/);
  const url = /http:\S+/.exec(said)![0];
  await expect(fetch(`${url}/healthz`)).rejects.toThrow();
}, 120_000);

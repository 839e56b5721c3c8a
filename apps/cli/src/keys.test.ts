import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { startServer } from '@tessera/api';

const bin = resolve(import.meta.dirname, '../bin/tessera.mjs');
const folder = mkdtempSync(join(tmpdir(), 'tessera-keys-'));
const data = join(folder, 'data');
afterAll(() => rmSync(folder, { recursive: true }));

function keys(...args: string[]) {
  const env = { ...process.env, TESSERA_DATA: data, DATABASE_URL: '' };
  const { status, stdout, stderr } = spawnSync(process.execPath, [bin, 'keys', ...args], { encoding: 'utf8', env });
  return { status, stdout, stderr };
}

const acme = ['--tenant', 'acme', '--name', 'ci'];

it('are made, listed, taken by a server, and revoked; the secret is shown once and stored nowhere', async () => {
  const made = keys('create', ...acme, '--waiting', '3', '--cost-per-day', '500');
  expect(made).toMatchObject({ status: 0, stdout: expect.stringMatching(/^tsr_[\w-]{43}\n$/) as string });
  const secret = made.stdout.trim();
  const listed = keys('list').stdout;
  expect(listed).toMatch(/^tsr_.{8}\.\.\. {2}acme\/ci, made .+, never used, waiting 3, costPerDay 500\n$/);
  expect(listed).not.toContain(secret);

  const options = { port: 0, address: '127.0.0.1', dataDirectory: data, playground: folder, modelFolders: [] };
  const server = await startServer({ ...options, auth: 'keys' });
  const ask = () =>
    fetch(`${server.url}/graphql?query={models{name}}`, {
      headers: { accept: 'application/json', authorization: `Bearer ${secret}` },
    });
  expect((await ask()).status).toBe(200);
  expect(keys('revoke', ...acme)).toMatchObject({
    status: 1,
    stderr: expect.stringMatching(
      /^\[keys\] got .+; expected no server on it\. Stop that server .+ \(data-directory-in-use\)/,
    ) as string,
  });
  await server.close();

  expect(keys('revoke', ...acme)).toMatchObject({ status: 0, stdout: `${secret.slice(0, 12)}... is revoked.\n` });
  for (const file of readdirSync(data, { recursive: true, encoding: 'utf8' })) {
    const path = join(data, file);
    if (statSync(path).isFile()) expect([file, readFileSync(path).includes(secret.slice(12))]).toEqual([file, false]);
  }
});

it('say what there is where only keys is said', () => {
  expect(keys()).toMatchObject({
    status: 2,
    stderr: expect.stringContaining('Did you mean keys create, keys list, keys revoke?') as string,
  });
});

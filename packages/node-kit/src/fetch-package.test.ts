import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTarGzip } from 'nanotar';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { fetchPackage, unpackFiles } from './fetch-package.ts';

const root = mkdtempSync(join(tmpdir(), 'tessera-packages-'));
const folder = join(root, 'downloads');
const name = 'some-weights';
const archive = 'some_weights-0.1.0.tar.gz';
let bytes: Uint8Array;
let server: Server;
let home = '';
const asked: string[] = [];
const logins: (string | undefined)[] = [];

/** An index with a page in JSON, one in HTML, and one that lacks the file. */
beforeAll(async () => {
  bytes = await createTarGzip([
    { name: 'some/weights.bin', data: Uint8Array.of(1, 2, 3) },
    { name: 'some/setup.py', data: 'raise SystemExit' },
  ]);
  const pages: Readonly<Record<string, string>> = {
    [`/json/${name}/`]: JSON.stringify({ files: [{ filename: archive, url: `../../files/${archive}` }] }),
    [`/html/${name}/`]: `<a href="/other-${archive}">other</a><a class="x" href="/files/${archive}#sha256=00">${archive}</a>`,
    [`/empty/${name}/`]: JSON.stringify({ files: [] }),
  };
  server = createServer(({ url = '', headers }, response) => {
    asked.push(url);
    logins.push(headers.authorization);
    if (url.startsWith('/files/')) return response.end(bytes);
    const page = pages[url];
    return response.writeHead(page === undefined ? 404 : 200).end(page);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  home = `127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
  asked.length = 0;
  logins.length = 0;
});
afterAll(() => {
  server.close();
  rmSync(root, { recursive: true });
});

const wanted = () => ({
  registry: 'pypi' as const,
  name,
  version: '0.1.0',
  archive,
  sha256: createHash('sha256').update(bytes).digest('hex'),
});

describe('a package archive', () => {
  it.each(['json', 'html'])('comes from the index that pip is configured with: pages in %s', async (kind) => {
    vi.stubEnv('PIP_INDEX_URL', `http://${home}/${kind}/`);
    const file = await fetchPackage(wanted(), { folder });
    expect(asked).toEqual([`/${kind}/${name}/`, `/files/${archive}`]);
    expect(Uint8Array.from(readFileSync(file))).toEqual(Uint8Array.from(bytes));
    vi.stubEnv('PIP_INDEX_URL', 'http://127.0.0.1:1/');
    expect(await fetchPackage(wanted(), { folder })).toBe(file);
  });

  it('comes from the index of a configuration file, with its login', async () => {
    vi.stubEnv('PIP_INDEX_URL', undefined);
    vi.stubEnv('PIP_CONFIG_FILE', join(root, 'pip.conf'));
    const index = `http://me:p%40ss@${home}/json`;
    writeFileSync(
      join(root, 'pip.conf'),
      `[install]\nindex-url = http://no\n[global]\ntimeout = 9\nindex-url = ${index}\n`,
    );
    await fetchPackage(wanted(), { folder });
    expect(logins).toEqual([`Basic ${btoa('me:p@ss')}`, `Basic ${btoa('me:p@ss')}`]);
  });

  it.each([
    ['http://127.0.0.1:1/simple', 'no answer (fetch failed'],
    ['lost', 'status 404'],
    ['empty', `no file ${archive}`],
  ])('says in one sentence what is missing: %s', async (index, words) => {
    vi.stubEnv('PIP_INDEX_URL', index.startsWith('http') ? index : `http://me:secret@${home}/${index}`);
    const failed = fetchPackage(wanted(), { folder });
    await expect(failed).rejects.toMatchObject({ code: 'download-failed' });
    await expect(failed).rejects.toThrow(words);
    await expect(failed).rejects.not.toThrow('secret');
  });

  it('is refused with another checksum', async () => {
    vi.stubEnv('PIP_INDEX_URL', `http://${home}/json`);
    const failed = fetchPackage({ ...wanted(), sha256: '00' }, { folder });
    await expect(failed).rejects.toMatchObject({ code: 'checksum-mismatch' });
  });

  it('gives single files, and says which one it lacks', async () => {
    const file = join(root, 'x.tgz');
    writeFileSync(file, bytes);
    await unpackFiles(file, { 'some/weights.bin': join(root, 'a', 'b.bin') });
    expect([...readFileSync(join(root, 'a', 'b.bin'))]).toEqual([1, 2, 3]);
    const failed = unpackFiles(file, { 'some/others.bin': join(root, 'c') });
    await expect(failed).rejects.toMatchObject({ code: 'archive-incomplete' });
  });
});

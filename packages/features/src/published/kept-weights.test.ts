import { createHash } from 'node:crypto';
import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openNumpyPickle } from '@tessera/checkpoints';
import { fileWeights } from '@tessera/models';
import { createTarGzip } from 'nanotar';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { isKept, keptWeights } from './kept-weights.ts';
import type { PublishedNetwork } from './published-network.ts';

const cache = mkdtempSync(join(tmpdir(), 'tessera-kept-'));
const hash = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const pickle = readFileSync(new URL('../../../checkpoints/fixtures/numpy_arrays.ckpt', import.meta.url));
let server: Server;
let archive: Uint8Array;
const asked: string[] = [];

beforeAll(async () => {
  archive = await createTarGzip([{ name: 'small-1/w.ckpt', data: Uint8Array.from(pickle) }]);
  server = createServer(({ url = '' }, response) => {
    asked.push(url);
    const files = [{ filename: 'small-1.tar.gz', url: '/small-1.tar.gz' }];
    response.end(url.endsWith('.gz') ? archive : JSON.stringify({ files }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  vi.stubEnv('PIP_INDEX_URL', `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  vi.stubEnv('TESSERA_CACHE', cache);
});
afterAll(() => {
  vi.unstubAllEnvs();
  server.close();
  rmSync(cache, { recursive: true });
});

function small(sha256 = hash(pickle)): PublishedNetwork {
  return {
    name: 'small',
    sha256,
    licence: 'MIT',
    input: '',
    dims: 1,
    classCount: 0,
    megabytes: 0,
    archive: { registry: 'pypi', name: 'small', version: '1', archive: 'small-1.tar.gz', sha256: hash(archive) },
    member: 'small-1/w.ckpt',
    read: openNumpyPickle,
    tensors: (file) => {
      const from = 'Net_0.Conv_0.bias';
      return [{ name: 'bias', dtype: 'float32', shape: [3], bytes: () => file.read(from) }];
    },
    build: () => {
      throw new Error('not needed');
    },
  };
}

async function biasIn(path: string): Promise<number[]> {
  const weights = await fileWeights(path);
  const bias = weights.param('bias', [3], { init: { kind: 'zeros' }, decay: false });
  weights.finish();
  return [...(await bias.data())];
}

describe('published weights', () => {
  it('are fetched once, and made again from the archive where the kept file was damaged', async () => {
    expect(isKept(small())).toBe(false);
    const shares: number[] = [];
    const together = [keptWeights(small(), { progress: (share) => shares.push(share) }), keptWeights(small(), {})];
    const [path] = (await Promise.all(together)) as [string, string];
    expect(await biasIn(path)).toEqual([0.5, -1, 2]);
    expect([shares.at(-1), isKept(small())]).toEqual([1, true]);
    expect(asked).toEqual(['/small/', '/small-1.tar.gz']);
    expect(await keptWeights(small(), {})).toBe(path);
    appendFileSync(path, 'x');
    expect(await biasIn(await keptWeights(small(), {}))).toEqual([0.5, -1, 2]);
    expect(asked).toHaveLength(2);
  });

  it('are refused where the file in the archive is another one', async () => {
    const failed = keptWeights(small('00'.repeat(32)), {});
    await expect(failed).rejects.toMatchObject({ code: 'checksum-mismatch' });
    expect(isKept(small('00'.repeat(32)))).toBe(false);
  });
});

import { mkdtempSync, readdirSync, rmSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ImageSource, Measured } from '@tessera/evaluation';
import { type FeatureNetwork, type FeatureNetworkPlugin, openFeatureNetwork } from '@tessera/features';
import type { DataSet } from '@tessera/training';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { keptMeasured } from './kept-measured.ts';

const cache = mkdtempSync(join(tmpdir(), 'tessera-kept-'));
const kept = join(cache, 'features', 'measured');
beforeAll(() => vi.stubEnv('TESSERA_CACHE', cache));
beforeEach(() => rmSync(kept, { recursive: true, force: true }));
afterAll(() => {
  vi.unstubAllEnvs();
  rmSync(cache, { recursive: true });
});

const measured: Measured = {
  count: 2,
  dims: 3,
  features_ND: Float32Array.of(1, 2, 3, 4, 5, 6.5),
  probabilities_NK: Float32Array.of(0.25, 0.75, 1, 0),
  found_N: Int32Array.of(1, 0),
  expected_N: null,
  spatial_ND: null,
};
const network = { name: 'n', sha256: 'a'.repeat(64), input: 'as they are', dims: 3 } as FeatureNetwork;
const dataOf = (digest: string, label = 0) =>
  ({ train: { digest: async () => digest, label_N: Int32Array.of(label, 1) } }) as unknown as DataSet;
const base = {
  engine: { target: 'onnx' },
  network,
  data: dataOf('d'),
  split: 'train' as const,
  seed: 1,
  images: { count: 2 } as ImageSource,
};

/** How often it measures for these calls, and whether every result is what was measured. */
async function measuresFor(...changes: readonly object[]): Promise<number> {
  const measure = vi.fn(async () => measured);
  for (const change of changes) expect(await keptMeasured({ ...base, ...change }, measure)).toEqual(measured);
  return measure.mock.calls.length;
}

describe('what was measured of reference images', () => {
  it('is found again for the same images, weights and target', async () => {
    expect(await measuresFor({}, {}, {})).toBe(1);
  });

  it.each([
    ['pixels', { data: dataOf('e') }],
    ['labels', { data: dataOf('d', 1) }],
    ['choice', { seed: 2 }],
    ['number', { images: { count: 3 } }],
    ['weights', { network: { ...network, sha256: 'b'.repeat(64) } }],
    ['preparation', { network: { ...network, input: 'scaled' } }],
    ['target', { engine: { target: 'tensorflow' } }],
  ])('is measured for other %s', async (_, change) => {
    expect(await measuresFor({}, change)).toBe(2);
  });

  it('is measured again where its file is damaged', async () => {
    await measuresFor({});
    const [file] = readdirSync(kept);
    truncateSync(join(kept, file!), 100);
    expect(await measuresFor({}, {})).toBe(1);
  });

  it('is measured each time for networks of other packages', async () => {
    const open = async () => ({ ...network, name: '@acme/n', open: () => null }) as unknown as FeatureNetwork;
    const plugin = { name: '@acme/n', licence: 'MIT', dims: 3, classCount: 0, open } as unknown as FeatureNetworkPlugin;
    const foreign = await openFeatureNetwork('@acme/n', { networks: [plugin] });
    expect(await measuresFor({ network: foreign }, { network: foreign })).toBe(2);
  });
});

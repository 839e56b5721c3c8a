import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { ModelManifest } from '../manifest.ts';
import { listPlugins } from './list-plugins.ts';
import { loadPlugins } from './load-plugins.ts';
import { packagesOf, resolveParts, versionRemarks, withOrigins } from './built-in.ts';

/* Projects with packages that cannot be imported, each in its way, beside one that can. */

const part = (kind: string, name: string, more = '') =>
  `{ kind: '${kind}', contract: 1, name: '${name}', ${kind === 'head' ? "space: 'continuous'" : "stride: 'token'"}, ${more}
    config: { json: {}, parse: (value) => value }, options: () => ({ json: {}, parse: (value) => value }), build: () => ({}) }`;

const packages: Readonly<Record<string, { readonly facts?: object; readonly code: string }>> = {
  '@acme/head': { facts: { version: '1.2.0' }, code: `export const head = ${part('head', '@acme/head')};` },
  '@acme/orders': {
    facts: { version: '3.0.1', exports: './index.js' },
    code: `export const token = ${part('order', '@acme/orders-token')};
      export const other = ${part('order', '@acme/orders-other')}; export { token as again }; export const helper = 1;`,
  },
  '@acme/new': { facts: { version: '9.0.0', engines: { node: '>=99' } }, code: 'export const a = 1 then 2;' },
  '@acme/never': {
    facts: { version: '2.0.0' },
    code: 'globalThis.acmeNever = true; await new Promise(() => undefined); export const head = 1;',
  },
  '@acme/old': {
    facts: { version: '0.1.0' },
    code: "import { defineHead } from '@tessera/core'; export const head = defineHead({});",
  },
  '@acme/older': { code: "import { createEngine } from '@tessera/engine'; export const head = createEngine;" },
  '@acme/plain': { code: 'export const answer = 42;' },
  '@acme/throws': { code: "throw new Error('licence server is down'); export const head = 1;" },
};

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'tessera-modules-'));
  for (const [name, { facts, code }] of Object.entries(packages)) {
    const folder = join(root, 'node_modules', name);
    await mkdir(folder, { recursive: true });
    const json = JSON.stringify({ name, type: 'module', exports: { import: './index.js' }, ...facts });
    // As some editors write it, and Node reads it.
    await writeFile(join(folder, 'package.json'), name === '@acme/orders' ? `\ufeff${json}` : json);
    await writeFile(join(folder, 'index.js'), code);
  }
  await mkdir(join(root, 'node_modules/@tessera'));
  for (const name of ['core', 'engine']) {
    const folder = fileURLToPath(new URL(`../../../${name}`, import.meta.url));
    await symlink(folder, join(root, 'node_modules/@tessera', name), 'junction');
  }
});
afterAll(() => rm(root, { recursive: true }));

let count = 0;
async function load(text: string, files: Readonly<Record<string, string>> = {}) {
  const file = join(root, String(++count), 'tessera.config.mjs');
  await mkdir(dirname(file));
  for (const [name, code] of Object.entries(files)) await writeFile(join(dirname(file), name), code);
  await writeFile(file, text);
  const { plugins, problems } = await loadPlugins(file);
  const names = [...plugins.heads, ...plugins.orders].map(({ name }) => name);
  return { plugins, names, problems: problems.map(({ code, message }) => `${code} ${message}`) };
}

const listing = (plugins: string) => `export const config = { plugins: [${plugins}] };`;
const manifest = (head: object, order: object) =>
  ({
    tokenizer: { plugin: 'vq', config: {} },
    backbone: { plugin: 'masked-encoder-decoder', config: {} },
    head: { config: {}, ...head },
    order: { config: {}, ...order },
  }) as ModelManifest;

describe('modules that a configuration names by strings', () => {
  it('bring the plug-ins that they export, each once, with package and version', async () => {
    const { plugins, names, problems } = await load(listing("'@acme/orders', './mine.mjs', '@acme/head'"), {
      'mine.mjs': `export const mine = ${part('head', '@acme/mine')};`,
      'package.json': '{ "name": "acme-project", "version": "0.3.0" }',
    });
    expect(problems).toEqual([]);
    expect(names).toEqual(['@acme/mine', '@acme/head', '@acme/orders-token', '@acme/orders-other']);
    const facts = listPlugins(plugins).filter(({ package: from }) => from !== 'tessera');
    expect(facts.map(({ name, package: from, version }) => `${name}: ${from} ${version}`)).toEqual([
      '@acme/orders-token: @acme/orders 3.0.1',
      '@acme/orders-other: @acme/orders 3.0.1',
      '@acme/mine: acme-project 0.3.0',
      '@acme/head: @acme/head 1.2.0',
    ]);
  });

  it('tell how they were judged, where the package reports it; a report that cannot be read is said once', async () => {
    const cases = ['shapes', 'replay'].map((name) => ({
      id: `order/${name}`,
      name,
      ok: name === 'shapes',
      message: null,
      ms: 3,
    }));
    const judged = { plugin: '@acme/orders-token', kind: 'order', contract: 1, ok: false, cases };
    const report = { package: '@acme/orders', version: '3.0.0', kit: '0.1.0', ok: false, parts: [judged] };
    const place = join(root, 'node_modules/@acme/orders/certificate.json');
    const told = async (text: string) => {
      await writeFile(place, text);
      const { plugins, problems } = await load(listing("'@acme/orders'"));
      const facts = listPlugins(plugins).filter(({ package: from }) => from === '@acme/orders');
      return { all: facts.map(({ conformance }) => conformance), problems };
    };
    try {
      expect(await told(JSON.stringify(report))).toEqual({
        all: [{ cases: 2, failed: ['order/replay'], kit: '0.1.0', version: '3.0.0' }, null],
        problems: [],
      });
      expect(await told(JSON.stringify({ ...report, kit: 1 }))).toEqual({
        all: [null, null],
        problems: [
          expect.stringMatching(/^field-invalid \[certificate\.json of @acme\/orders\] got kit = 1; expected a string/),
        ],
      });
      expect((await told('{')).problems).toEqual([
        expect.stringMatching(/^certificate-malformed \[certificate\.json of @acme\/orders\]/),
      ]);
      await rm(place);
      await mkdir(place);
      const { plugins, names, problems } = await load(listing("'@acme/orders'"));
      expect([plugins.orders.length, names.length]).toEqual([2, 2]); // they work all the same
      expect(problems).toEqual([
        expect.stringMatching(/^certificate-malformed .* got no file that can be read \(EISDIR\)/),
      ]);
    } finally {
      await rm(place, { recursive: true });
    }
  });

  it('are left out where they fail, by package, engines and reason, and the others work', async () => {
    const { names, problems } = await load(
      listing("'@acme/new', '@acme/head', '@acme/throws', '@acme/gone', '@acme/plain', './gone.mjs', 42, undefined"),
    );
    expect(names).toEqual(['@acme/head']);
    expect(problems).toEqual([
      expect.stringMatching(
        /^plugin-import \[@acme\/new\] got an error while tessera\.config\.mjs imported it: .* \(@acme\/new 9\.0\.0 is made for Node >=99; this is Node \d+\.\d+\.\d+\); expected plug-ins\. It is left out/,
      ),
      expect.stringMatching(/^plugin-import \[@acme\/throws\] .*: licence server is down \(@acme\/throws\); expected/),
      expect.stringMatching(/^plugin-import \[@acme\/gone\] .*Cannot find package '@acme\/gone'/),
      expect.stringMatching(/^plugin-none \[@acme\/plain\] got a module without plug-ins \(it exports answer\)/),
      expect.stringMatching(/^plugin-import \[\.\/gone\.mjs\] .*Cannot find module/),
      expect.stringMatching(/^part-malformed \[tessera\.config\.mjs plugins\[6\]\] got 42; expected a plug-in/),
      expect.stringMatching(/^part-malformed \[tessera\.config\.mjs plugins\[7\]\] got undefined; expected/),
    ]);
    for (const problem of problems) expect(problem).not.toContain('\n');
  });

  it('have a limit of time', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const loaded = load(listing("'@acme/never', '@acme/head'"));
      // The configuration itself has the same limit: time passes when its module is the one that does not end.
      while (!('acmeNever' in globalThis)) await new Promise((resolve) => setImmediate(resolve));
      vi.advanceTimersByTime(30_000);
      const { names, problems } = await loaded;
      expect(names).toEqual(['@acme/head']);
      expect(problems).toEqual([
        expect.stringMatching(/^plugin-import \[@acme\/never\] .*: no end of it for 30 s \(@acme\/never 2\.0\.0\)/),
      ]);
    } finally {
      vi.useRealTimers();
    }
  });
});

describe('a configuration that fails itself', () => {
  it.each([
    ['@acme/throws', 'licence server is down (@acme/throws)'],
    ['@acme/new', 'is made for Node >=99; this is Node'],
  ])('names the import that is to blame: %s', async (name, words) => {
    const { problems } = await load(`/* import '@acme/never'; */
      import { head } from '@acme/head';
      import { a } from '${name}';
      ${listing('head, a')}`);
    expect(problems).toEqual([expect.stringContaining(words)]);
    expect(problems[0]).toMatch(/^config-failed \[.*tessera\.config\.mjs\] got an error of its import '@acme/);
    expect(problems[0]).toContain(`or name it by a string, plugins: ['${name}'], so that the others work.`);
  });

  it('blames no import for what it does itself', async () => {
    const { problems } = await load(`import { head } from '@acme/head'; throw new Error('mine');`);
    expect(problems).toEqual([
      expect.stringMatching(
        /^config-failed \[.*\] got an error while it was imported: mine; .*none of its plug-ins is loaded/,
      ),
    ]);
  });
});

/* By Node itself, which links modules as it does for a user: Vitest lets a missing export be undefined. */
describe('names that moved out of core and engine', () => {
  const reading = `import { loadPlugins } from ${JSON.stringify(new URL('load-plugins.ts', import.meta.url).href)};
    const { problems } = await loadPlugins(process.argv[1]);
    console.log(JSON.stringify(problems.map(({ code, message }) => code + ' ' + message)));`;
  const problemsOf = async (text: string): Promise<readonly string[]> => {
    const file = join(root, `moved-${++count}.config.mjs`);
    await writeFile(file, text);
    const flags = ['--conditions=@tessera/source', '--import', 'tsx', '--input-type=module'];
    return JSON.parse(
      execFileSync(process.execPath, [...flags, '-e', reading, file], { encoding: 'utf8' }),
    ) as string[];
  };

  it('are told by the packages that import them', async () => {
    expect(await problemsOf(listing("'@acme/old', '@acme/older', '@acme/throws'"))).toEqual([
      expect.stringMatching(
        /'@tessera\/core' does not provide an export named 'defineHead' .* defineHead has moved: import it from @tessera\/plugin-kit \(see CHANGELOG\.md of Tessera\)\.$/,
      ),
      expect.stringMatching(
        / If createEngine was in @tessera\/engine, it has moved: CHANGELOG\.md of Tessera says where to\.$/,
      ),
      expect.stringMatching(/or remove it from plugins\.$/),
    ]);
  });

  it('are told by a configuration that imports them', async () => {
    expect(await problemsOf(`import { defineConfig } from '@tessera/core'; ${listing('')}`)).toEqual([
      expect.stringMatching(/^config-failed .* defineConfig has moved: import it from @tessera\/plugin-kit \(see/),
    ]);
  });
});

describe('model.json', () => {
  it('gets package and version of parts by others', async () => {
    const { plugins } = await load(listing("'@acme/orders', '@acme/head'"));
    const made = withOrigins(
      manifest({ plugin: '@acme/head' }, { plugin: '@acme/orders-token', version: 'old' }),
      plugins,
    );
    expect(made.head).toEqual({ plugin: '@acme/head', config: {}, package: '@acme/head', version: '1.2.0' });
    expect(made.order).toMatchObject({ package: '@acme/orders', version: '3.0.1' });
    expect(made.tokenizer).toEqual({ plugin: 'vq', config: {} });
    expect(versionRemarks(made, plugins)).toEqual([]);
    const older = { ...made, head: { ...made.head, version: '1.0.0' } };
    expect(versionRemarks(older, plugins)).toEqual([
      'it was made with @acme/head 1.0.0, and 1.2.0 is installed: its images may differ.',
    ]);
  });

  it('tells all plug-ins that are missing at once, with packages that exist', () => {
    const head = { plugin: '@acme/head', package: '@acme/head', version: '1.2.0' };
    expect(() => resolveParts(manifest(head, { plugin: '@acme/orders-token', package: '@acme/orders' }), 'm')).toThrow(
      /^\[m\] got the plug-ins "@acme\/orders-token" among its orders and "@acme\/head" among its heads; expected for orders one of next-scale, .*, for heads one of .*\. Run tessera plugins add @acme\/orders @acme\/head@1\.2\.0, which asks, installs and lists them\.$/,
    );
    const hostile = { plugin: '@acme/x', package: '@acme/x; rm -rf ~' };
    expect(() => resolveParts(manifest(hostile, { plugin: 'raster' }), 'm')).toThrow(
      /\. Install the package that brings @acme\/x and list its plug-in in tessera\.config\.ts\.$/,
    );
    expect(packagesOf(manifest(head, { plugin: '@acme/a', package: '--global' }))).toEqual(['@acme/head@1.2.0']);
    expect(() => resolveParts(manifest({ plugin: '@acme/unknown' }, { plugin: 'raster' }), 'm')).toThrow(
      /Install the package that brings @acme\/unknown and list/,
    );
    expect(() => resolveParts(manifest({ plugin: 'diffusoin' }, { plugin: 'raster' }), 'm')).toThrow(
      'Did you mean diffusion?',
    );
  });
});

import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import process from 'node:process';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { addPlugins } from './commands/plugins-add.ts';
import { listIn } from './listed-plugins.ts';
import { runCommand } from './testing/run-command.ts';

/* A registry with two packages: an npm that writes them where the real one would, and tells how it was called. */

const npm = `#!/usr/bin/env node
const { appendFileSync, mkdirSync, writeFileSync } = require('node:fs');
appendFileSync('called.txt', process.argv.slice(2).join(' ') + '\\n');
for (const spec of process.argv.slice(4)) {
  const [, name, version = '9.0.0'] = /^(@?[^@]+)(?:@(.*))?$/.exec(spec);
  if (name.includes('gone')) { console.error('npm error code E404\\nnpm error 404 Not Found - ' + name); process.exit(1); }
  mkdirSync('node_modules/' + name, { recursive: true });
  writeFileSync('node_modules/' + name + '/package.json', JSON.stringify({ name, version, type: 'module', exports: './index.js' }));
  writeFileSync('node_modules/' + name + '/index.js', \`export const head = { kind: 'head', contract: 1, name: '\${name}', space: 'continuous',
    config: { json: {}, parse: (value) => value }, options: () => ({ json: {}, parse: (value) => value }), build: () => ({}) };\`);
}
`;

const [cwd, path] = [process.cwd(), process.env['PATH']];
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tessera-add-'));
  mkdirSync(join(folder, 'bin'));
  writeFileSync(join(folder, 'bin/npm'), npm);
  chmodSync(join(folder, 'bin/npm'), 0o755);
  process.env['PATH'] = `${join(folder, 'bin')}${delimiter}${path}`;
  process.chdir(folder);
});
afterEach(() => {
  process.chdir(cwd);
  process.env['PATH'] = path;
  rmSync(folder, { recursive: true });
});

const add = (...argv: string[]) => runCommand(addPlugins, 'tessera plugins add', argv);
const config = () => readFileSync(join(folder, 'tessera.config.mjs'), 'utf8');

describe.skipIf(process.platform === 'win32')('tessera plugins add', () => {
  it('shows what it runs, installs, lists, and says what is there now', async () => {
    const { lines } = await add('@acme/head@1.2.0', '--yes');
    expect(lines).toEqual([
      `In ${process.cwd()}:`,
      '  npm install --ignore-scripts @acme/head@1.2.0',
      '  tessera.config.mjs lists @acme/head',
      'head  @acme/head  @acme/head 1.2.0',
    ]);
    expect(config()).toBe("export const config = { plugins: ['@acme/head'] };\n");
  });

  it('does nothing where there is no one to ask', async () => {
    await expect(add('@acme/head')).rejects.toThrow(
      'got no terminal to ask; expected --yes, or a terminal. Nothing was changed.',
    );
    expect(['called.txt', 'tessera.config.mjs'].some((file) => existsSync(join(folder, file)))).toBe(false);
  });

  it('adds all that a model was made with, at once', async () => {
    const shipped = resolve(import.meta.dirname, '../../../models/digits-mar');
    cpSync(join(shipped, 'model.json'), join(folder, 'mine/model.json'));
    const manifest = JSON.parse(readFileSync(join(folder, 'mine/model.json'), 'utf8'));
    const of = (name: string, version: string) => ({ config: {}, plugin: name, package: name, version });
    const model = { ...manifest, head: of('@acme/head', '1.2.0'), order: of('@acme/order', '2.0.0-rc.1') };
    writeFileSync(join(folder, 'mine/model.json'), JSON.stringify(model));
    await add('--model', './mine', '--yes');
    expect(readFileSync(join(folder, 'called.txt'), 'utf8')).toBe(
      'install --ignore-scripts @acme/order@2.0.0-rc.1 @acme/head@1.2.0\n',
    );
    expect(config()).toContain("['@acme/order', '@acme/head']");
  });

  it.each([
    [['--yes'], 'got no package; expected at least one package to add'],
    [['@acme/a;rm', '--yes'], 'got @acme/a;rm; expected the name of a package'],
    [['../here', '--yes'], 'got ../here; expected the name of a package'],
    [['@acme/gone', '--yes'], '[npm install] got 404 Not Found - @acme/gone; expected it to install @acme/gone.'],
  ])('refuses %s', async (argv, said) => {
    await expect(add(...argv)).rejects.toThrow(said);
    expect(existsSync(join(folder, 'tessera.config.mjs'))).toBe(false);
  });
});

describe('a configuration that is there', () => {
  const listed = (text: string, ...names: string[]) => {
    writeFileSync('tessera.config.ts', text);
    return listIn('tessera.config.ts', names);
  };

  it('gets what it does not list yet, before the others', async () => {
    const text = "export const config = defineConfig({\n  // plugins: [old]\n  plugins: [mine, '@acme/a'],\n});\n";
    expect(await listed(text, '@acme/a', '@acme/b')).toEqual({
      text: text.replace('[mine,', "['@acme/b', mine,"),
      lines: ['@acme/b'],
    });
    expect(await listed('export const config = { plugins: [] };', '@acme/b')).toMatchObject({
      text: "export const config = { plugins: ['@acme/b'] };",
    });
    expect(await listed(text, '@acme/a')).toEqual({ text, lines: [] });
  });

  it('is not guessed where its list is elsewhere', async () => {
    for (const text of ['export const config = made();', 'const a = { plugins: [] };\nconst b = { plugins: [] };'])
      await expect(listed(text, '@acme/b')).rejects.toThrow("Add '@acme/b' to its plugins yourself");
  });
});

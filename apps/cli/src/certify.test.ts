import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { badgeOf } from './certify/badge.ts';
import { certify, type Certificate } from './certify/certificate.ts';
import { packageSpec } from './package-spec.ts';

/* Packages outside of this repository, of which some hang and some end their process. */

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tessera-certified-'));
  symlinkSync(resolve(import.meta.dirname, '../../../node_modules'), join(folder, 'node_modules'), 'junction');
});
afterAll(() => rmSync(folder, { recursive: true }));

/** An order whose plan is made by this code. */
const order = (name: string, open = '') => `
  export const ${name} = defineOrder({
    contract: 1, name: '@acme/${name}', package: '@acme/orders', stride: 'token',
    config: schema.object({}), options: () => schema.object({}),
    build: () => ({
      open: ({ length }, { rows }) => { ${open} return {
        steps: function* () {
          for (let at = 0; at < length; at++)
            yield { index: at, of: length, before: length - at, after: length - at - 1, positions_Bl: Int32Array.from(rows, () => at) };
        },
        dispose: () => undefined,
      }; },
      visit: ({ length }) => Int32Array.from({ length }, (_, at) => at),
      stops: () => null,
    }),
  });`;

function write(name: string, code: string, files: Readonly<Record<string, object>> = {}): string {
  const place = join(folder, name);
  mkdirSync(place);
  const manifest = { name: `@acme/${name}`, version: '1.2.0', type: 'module', exports: './index.js' };
  for (const [file, json] of Object.entries({ 'package.json': manifest, ...files }))
    writeFileSync(join(place, file), JSON.stringify(json));
  writeFileSync(join(place, 'index.js'), `import { defineOrder, schema } from '@tessera/plugin-kit';\n${code}`);
  return place;
}

async function certified(
  place: string,
  { limit = 20_000, importLimit = 60_000 } = {},
): Promise<Certificate & { readonly said: readonly string[] }> {
  const said: string[] = [];
  const signal = new AbortController().signal;
  const found = await certify(place, {
    limit,
    importLimit,
    signal,
    onCase: () => undefined,
    say: (line) => void said.push(line),
  });
  return { ...found, said };
}

const failures = ({ parts }: Certificate) =>
  parts.flatMap(({ plugin, cases }) =>
    cases.filter(({ ok }) => !ok).map(({ id, message }) => `${plugin} ${id}: ${message}`),
  );

it('tests every part of a package with the cases of its author, by stable ids', async () => {
  const steps = [[0], [1]];
  const own = [
    { name: 'in its turn', maps: [[1, 2]], steps },
    { name: 'backwards', maps: [[1, 2]], steps: [...steps].reverse() },
  ];
  const place = write('orders', order('rows') + order('again'), { 'conformance.json': { '@acme/rows': { own } } });
  const found = await certified(place);
  expect(found).toMatchObject({ package: '@acme/orders', version: '1.2.0', kit: '0.1.0', ok: false });
  expect(found.parts.map(({ plugin, kind, contract, ok }) => [plugin, kind, contract, ok])).toEqual([
    ['@acme/again', 'order', 1, true],
    ['@acme/rows', 'order', 1, false],
  ]);
  const ids = found.parts[1]!.cases.map(({ id }) => id);
  expect(ids).toEqual(expect.arrayContaining(['order/contract', 'order/coverage', 'order/own/in-its-turn']));
  expect(new Set(ids).size).toBe(ids.length);
  expect(failures(found)).toEqual([
    expect.stringMatching(/^@acme\/rows order\/own\/backwards: .*where \[\[1\],\[0\]\] are due/),
  ]);
});

it(
  'ends what hangs, goes on where a process ended, and gives up a part that ends each',
  { tags: ['long'] },
  async () => {
    const hang = 'if (rows.length === 3) for (;;);';
    const leave = "if (rows.length === 1) { console.log('bye'); process.exit(0); }";
    const place = write('wild', order('hangs', hang) + order('leaves', leave));
    const found = await certified(place, { limit: 4000 });
    const [hanging, leaving] = found.parts;
    expect(failures({ ...found, parts: [hanging!] })).toEqual([
      '@acme/hangs order/batch: no end after 4 s, so its process was ended',
    ]);
    const left = leaving!.cases.filter(({ ok }) => !ok).map(({ message }) => message);
    expect(left.filter((message) => message === 'its process ended with exit code 0')).toHaveLength(3);
    expect(left.at(-1)).toBe('not tried: 3 processes of this part had to be ended before');
    expect(found.said).toContain('bye');
  },
);

describe('refuses in one sentence', () => {
  it('a package that cannot be imported, never ends its import, or offers nothing', async () => {
    const [throwing, waiting, plain] = [
      write('throwing', "throw new Error('no licence');"),
      write('waiting', 'await new Promise(() => setInterval(() => undefined, 1000));'),
      write('plain', 'export const answer = [defineOrder, schema].length;'),
    ];
    const unbuilt = write('unbuilt', '', { 'package.json': { name: '@acme/unbuilt', exports: './dist/index.js' } });
    const refusal = (place: string, importLimit = 60_000) =>
      certified(place, { importLimit }).then(
        () => '',
        ({ message }: Error) => message,
      );
    expect(await refusal(throwing)).toContain('[@acme/throwing] got an error while it was imported: no licence;');
    expect(await refusal(waiting, 6000)).toContain('no end after 6 s');
    expect(await refusal(plain)).toContain('got a package that exports no part');
    expect(await refusal(unbuilt)).toMatch(/Run npm install and npm run build in .*unbuilt first\.$/);
  });

  it('what is no package, before anything runs', async () => {
    await expect(certified('./none')).rejects.toThrow('[./none] got nothing of this name; expected a folder with');
    await expect(certified(import.meta.filename)).rejects.toThrow('got a file that is no .tgz');
    await expect(certified(folder)).rejects.toThrow('got a folder without package.json');
  });
});

it('reads names of packages, and nothing that a shell or npm would read otherwise', () => {
  expect(['a', '@acme/head', '@acme/head@1.2.0', 'a@^2'].map(packageSpec)).toEqual([
    'a',
    '@acme/head',
    '@acme/head',
    'a',
  ]);
  for (const text of ['', '-g', '--x', '../a', 'a b', 'a;b', '@acme', 'http://x', 'a@', 'git+ssh://x', 'A/b'])
    expect(packageSpec(text)).toBeNull();
});

it('draws a badge that says how many cases passed', () => {
  expect(badgeOf({ contract: 1, passed: 31, of: 31 })).toContain(
    'aria-label="tessera contract 1: certified, 31 cases"',
  );
  expect(badgeOf({ contract: null, passed: 29, of: 31 })).toContain('aria-label="tessera: 2 of 31 cases failed"');
});

it('watches a folder from the command line, and writes badge and report', async () => {
  const place = write('watched', order('watched'));
  const badge = join(folder, 'badge.svg');
  const bin = resolve(import.meta.dirname, '../bin/tessera.mjs');
  const report = join(place, 'certificate.json');
  const child = spawn(process.execPath, [bin, 'certify', place, '--watch', '--badge', badge, '--report', report]);
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (said += String(chunk)));
  const until = (text: RegExp) => expect.poll(() => said, { timeout: 60_000 }).toMatch(text);
  await until(/is certified by the conformance kit 0\.1\.0: \d+ cases\.[^]*Waiting for a change/);
  expect(readFileSync(badge, 'utf8')).toContain('certified');
  expect(JSON.parse(readFileSync(report, 'utf8'))).toMatchObject({ ok: true, parts: [{ plugin: '@acme/watched' }] });
  await sleep(500);
  expect(said.match(/is certified/g)).toHaveLength(1); // what it writes itself is no change
  writeFileSync(join(place, 'index.js'), "throw new Error('half written');");
  await until(/half written/);
  child.kill('SIGINT');
  expect((await once(child, 'exit'))[0]).toBe(130);
});

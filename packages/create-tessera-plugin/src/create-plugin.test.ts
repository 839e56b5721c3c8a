import { mkdtempSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { kinds, runCreate, type KindName } from './index.ts';

let into: string;
beforeEach(() => {
  into = mkdtempSync(join(tmpdir(), 'tessera-create-'));
});
afterEach(() => rmSync(into, { recursive: true }));

function create(...argv: string[]): { readonly code: number; readonly said: string } {
  const lines: string[] = [];
  const code = runCreate(argv, { into, print: (line) => void lines.push(line) });
  return { code, said: lines.join('\n') };
}

const read = (...path: string[]): string => readFileSync(join(into, ...path), 'utf8');

describe.each(Object.keys(kinds) as KindName[])('a new %s', (kind) => {
  it('has your name everywhere, and none of the example', () => {
    expect(create(`@acme/my-${kind}`, '--kind', kind).code).toBe(0);
    const files = readdirSync(join(into, `my-${kind}`), { recursive: true, withFileTypes: true }).filter((one) =>
      one.isFile(),
    );
    const paths = files.map(({ parentPath, name }) => join(parentPath, name));
    const texts = paths.map((path) => readFileSync(path, 'utf8'));
    const { example } = kinds[kind];
    const ofExample = `${example.slice(kind.length + 1)}-${kind}`;
    expect(
      [...paths, ...texts].filter((text) => text.includes('tessera-examples') || text.includes(ofExample)),
    ).toEqual([]);
    expect(read(`my-${kind}`, 'src/index.ts')).toMatch(
      new RegExp(`^export \\{ my\\w+ \\} from './my-${kind}\\.ts';\\n$`),
    );
    expect(read(`my-${kind}`, `src/my-${kind}.ts`)).toContain(`'@acme/my-${kind}'`);
  });

  it('asks for all that it imports, exactly while it is developed', () => {
    create('trial', '--kind', kind);
    const { peerDependencies, devDependencies, ...manifest } = JSON.parse(read('trial', 'package.json'));
    expect(manifest).toMatchObject({
      name: 'trial',
      license: 'MIT',
      files: ['dist', 'src', 'conformance.json', 'certificate.json', '!**/*.test.ts'],
    });
    const sources = readdirSync(join(into, 'trial/src')).map((file) => [file, read('trial/src', file)] as const);
    for (const [file, text] of sources) {
      const imports = [...text.matchAll(/from '((?:@[\w-]+\/)?[\w-]+)/g)].map(([, name]) => name);
      const declared = file.includes('.test.') ? devDependencies : peerDependencies;
      expect(Object.keys(declared)).toEqual(expect.arrayContaining(imports));
    }
    const versions = Object.values<string>(devDependencies);
    expect(versions.filter((version) => !/^\d+\.\d+\.\d+$/.test(version))).toEqual([]);
    expect(peerDependencies).toMatchObject({ '@tensorflow/tfjs': '^4.22.0', '@tessera/plugin-kit': `^${versionOf()}` });
  });
});

function versionOf(): string {
  return JSON.parse(readFileSync(join(import.meta.dirname, '../package.json'), 'utf8')).version;
}

it('says which package an unscoped name is of, since its name is no address', () => {
  create('spiral', '--kind', 'order');
  expect(read('spiral/src/spiral-order.ts')).toContain('export const spiralOrder = defineOrder({');
  expect(read('spiral/src/spiral-order.ts')).toContain("name: NAME,\n  package: 'spiral',");
});

describe('refuses in one sentence', () => {
  it.each([
    [[], 2, 'got no name; expected one name of a package. See'],
    [
      ['my-head'],
      2,
      'got no --kind; expected --kind with one of head, order, tokenizer, backbone, condition, guidance. After npm create, it follows --',
    ],
    [['my-head', '--kind', 'sampler'], 2, 'got --kind sampler; expected --kind with one of head'],
    [['my-head', '--kin', 'head'], 2, "got Unknown option '--kin'; expected NAME --kind KIND."],
    [['a', 'b', '--kind', 'head'], 2, 'got the names a b'],
    [['../x', '--kind', 'head'], 1, 'got the name "../x"; expected lower-case words with hyphens'],
    [['My_Head', '--kind', 'head'], 1, '(name-invalid)'],
  ])('%s', (argv, code, said) => {
    expect(create(...argv)).toEqual({ code, said: expect.stringContaining(said) });
    expect(readdirSync(into)).toEqual([]);
  });

  it('a folder with files, of which none changes', () => {
    mkdirSync(join(into, 'mine'));
    writeFileSync(join(into, 'mine/package.json'), 'mine');
    expect(create('mine', '--kind', 'head')).toEqual({ code: 1, said: expect.stringContaining('(folder-taken)') });
    expect([readdirSync(join(into, 'mine')), read('mine/package.json')]).toEqual([['package.json'], 'mine']);
  });
});

it('prints its page of help', () => {
  expect(create('--help')).toEqual({
    code: 0,
    said: expect.stringContaining('--kind KIND  head, order, tokenizer, backbone, condition, guidance'),
  });
});

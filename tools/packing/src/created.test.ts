/** @module-tag long */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pack } from './pack.ts';
import { command, packables } from './workspace.ts';

/* What a stranger does who has tarballs and nothing of this repository: a new package of each kind, tested, built, used. */

let folder: string;
let tarballs: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tessera-created-'));
  tarballs = join(folder, 'tarballs');
  mkdirSync(tarballs);
  pack([...packables('packages'), ...command], tarballs);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }), 60_000);

const env = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !/^(npm_|turbo_|node_|vite|tessera_)/i.test(name)),
);

function run(cwd: string, program: string, ...args: string[]): string {
  const { status, stdout, stderr } = spawnSync(program, args, { cwd, env, encoding: 'utf8' });
  expect(status, `${program} ${args.join(' ')}\n${stdout}\n${stderr}`).toBe(0);
  return stdout;
}

const bash = (cwd: string, line: string): string =>
  run(cwd, 'bash', '-euo', 'pipefail', '-c', `export npm_config_prefer_offline=true\n${line}`);

describe.each(['head', 'order', 'tokenizer', 'backbone', 'condition', 'guidance'])('a new %s', (kind) => {
  const name = `my-${kind}`;

  it('is made, installed, type-checked, tested, built and packed', () => {
    bash(
      folder,
      `npx --yes --package ${tarballs}/create-tessera-plugin-*.tgz create-tessera-plugin ${name} --kind ${kind}`,
    );
    const place = join(folder, name);
    bash(place, `npm install --no-save ${tarballs}/*.tgz`);
    bash(place, 'npm run typecheck');
    expect(bash(place, 'npm test')).toMatch(/Tests.* passed/);
    bash(place, 'npm pack');
    expect(readdirSync(place).filter((file) => file.endsWith('.tgz'))).toEqual([`${name}-0.1.0.tgz`]);
  }, 400_000);

  it('is certified as a folder and as a tarball, listed, and draws images', () => {
    const place = join(folder, name);
    expect(bash(place, 'npm run certify')).toMatch(/ is certified by the conformance kit/);
    expect(bash(place, `npx tessera certify ./${name}-0.1.0.tgz --badge badge.svg`)).toMatch(/ is certified by/);
    expect(bash(place, `npx tessera plugins ${name}`)).toMatch(
      new RegExp(
        `${name}: an? ${kind} .*for contract ${['condition', 'guidance'].includes(kind) ? 2 : 1}, ${name} 0.1.0`,
      ),
    );
    expect(bash(place, `npx tessera plugins ${name}`)).toMatch(/ {2}its package reports: (\d+) of \1 cases of /);
    bash(place, 'npm run trial');
    expect(readdirSync(join(place, 'samples'))).toHaveLength(5);
  }, 400_000);
});

import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const bootstrap = resolve(import.meta.dirname, '../../../scripts/bootstrap.mjs');
const root = mkdtempSync(join(tmpdir(), 'tessera-bootstrap-'));
const hidden = join(root, 'node_modules', '.package-lock.json');

/** Ends with the code it is told, or stays up until a signal. */
const tool = `#!/usr/bin/env node
if (process.argv[2]) process.exit(Number(process.argv[2]));
process.on('SIGINT', () => process.exit(3));
process.on('SIGTERM', () => process.exit(4));
setInterval(() => {}, 1000);
console.log('up');
`;

const files = { name: 'root', version: '1.0.0', private: true, workspaces: ['packages/*'] };

/** A repository whose one package brings the tool. */
function writePackage(version: string): void {
  const write = (path: string, content: object) => writeFileSync(join(root, path), JSON.stringify(content));
  const bin = { tool: 'tool.mjs' };
  const packages = {
    '': files,
    'node_modules/part': { resolved: 'packages/part', link: true },
    'packages/part': { version, bin },
    'node_modules/elsewhere': { version: '1.0.0', optional: true, os: ['aix'] },
  };
  write('package.json', files);
  write('packages/part/package.json', { name: 'part', version, bin });
  write('package-lock.json', { ...files, lockfileVersion: 3, requires: true, packages });
}

function npmCi(): void {
  expect(spawnSync('npm', ['ci'], { cwd: root, encoding: 'utf8' })).toMatchObject({ status: 0 });
}

beforeAll(() => {
  for (const folder of ['scripts', 'packages/part']) mkdirSync(join(root, folder), { recursive: true });
  copyFileSync(bootstrap, join(root, 'scripts', 'bootstrap.mjs'));
  writeFileSync(join(root, 'packages/part/tool.mjs'), tool, { mode: 0o755 });
  writePackage('1.0.0');
  npmCi();
});
afterAll(() => rmSync(root, { recursive: true }));

function start(...args: string[]): ChildProcess {
  return spawn(process.execPath, [join(root, 'scripts', 'bootstrap.mjs'), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

describe.skipIf(process.platform === 'win32')('the start of every command', () => {
  it('installs what the lock file wants, once, however it was installed', () => {
    const installs = () => {
      const { stdout, status } = spawnSync(process.execPath, [join(root, 'scripts', 'bootstrap.mjs'), 'tool', '7'], {
        encoding: 'utf8',
        env: { ...process.env, NODE_ENV: 'production' },
      });
      expect(status).toBe(7);
      return stdout.includes('Installing dependencies');
    };
    expect(installs()).toBe(false);
    rmSync(join(root, 'node_modules'), { recursive: true });
    expect([installs(), installs()]).toEqual([true, false]);
    writePackage('1.0.1');
    expect([installs(), installs()]).toEqual([true, false]);
    // From a machine of another kind.
    const { packages, ...rest } = JSON.parse(readFileSync(hidden, 'utf8')) as { packages: object };
    const foreign = { ...packages, 'node_modules/elsewhere': { version: '1.0.0', optional: true, os: ['aix'] } };
    writeFileSync(hidden, JSON.stringify({ ...rest, packages: foreign }));
    expect([installs(), installs()]).toEqual([true, false]);
    writeFileSync(hidden, 'cut off');
    expect([installs(), installs()]).toEqual([true, false]);
  }, 240_000);

  it.each([
    ['SIGINT', 3],
    ['SIGTERM', 4],
  ] as const)('hands %s on to the tool and waits for its end', async (signal, code) => {
    const started = start('tool');
    const ended = once(started, 'exit');
    expect(String((await once(started.stdout!, 'data'))[0])).toBe('up\n');
    started.kill(signal);
    expect(await ended).toEqual([code, null]);
  });

  it('ends the tool when the shell that npm put in between dies of SIGTERM', async () => {
    const line = `"${process.execPath}" "${join(root, 'scripts', 'bootstrap.mjs')}" tool; true`;
    const shell = spawn('sh', ['-c', line], { stdio: ['ignore', 'pipe', 'inherit'] });
    expect(String((await once(shell.stdout, 'data'))[0])).toBe('up\n');
    const everybodyGone = once(shell.stdout, 'close');
    shell.kill('SIGTERM');
    await everybodyGone;
  });

  it('ends with the code of the tool, and says where there is none', async () => {
    expect(await once(start('tool', '7'), 'exit')).toEqual([7, null]);
    const missing = start('nothing');
    let said = '';
    missing.stderr!.on('data', (chunk) => (said += String(chunk)));
    expect(await once(missing, 'close')).toEqual([1, null]);
    expect(said).toContain('nothing did not start');
  });
});

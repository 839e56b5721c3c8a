import { spawn, type ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const bootstrap = resolve(import.meta.dirname, '../../../scripts/bootstrap.mjs');
const root = mkdtempSync(join(tmpdir(), 'tessera-bootstrap-'));
const lock = '{}';

/** Ends with the code it is told, or stays up until a signal. */
const tool = `#!/usr/bin/env node
if (process.argv[2]) process.exit(Number(process.argv[2]));
process.on('SIGINT', () => process.exit(3));
process.on('SIGTERM', () => process.exit(4));
setInterval(() => {}, 1000);
console.log('up');
`;

beforeAll(() => {
  mkdirSync(join(root, 'scripts'));
  mkdirSync(join(root, 'node_modules', '.bin'), { recursive: true });
  copyFileSync(bootstrap, join(root, 'scripts', 'bootstrap.mjs'));
  writeFileSync(join(root, 'package-lock.json'), lock);
  writeFileSync(join(root, 'node_modules', '.bin', 'tool'), tool, { mode: 0o755 });
  const own = `${process.platform}-${process.arch}-${process.versions.modules}`;
  const stamp = createHash('sha256').update(lock).update(own).digest('hex');
  writeFileSync(join(root, 'node_modules', '.tessera-installed'), stamp);
});
afterAll(() => rmSync(root, { recursive: true }));

function start(...args: string[]): ChildProcess {
  return spawn(process.execPath, [join(root, 'scripts', 'bootstrap.mjs'), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

describe.skipIf(process.platform === 'win32')('the start of every command', () => {
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

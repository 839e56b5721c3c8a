import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { lockDirectory } from './data-lock.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tessera-lock-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const owner = () => JSON.parse(readFileSync(join(directory, 'lock'), 'utf8')) as { pid: number };

describe('lockDirectory', () => {
  it('gives a directory to one owner at a time', () => {
    const unlock = lockDirectory(directory);
    expect(owner().pid).toBe(process.pid);
    expect(() => lockDirectory(directory)).toThrow('which process');
    unlock();
    lockDirectory(directory)();
    expect(readdirSync(directory)).toEqual([]);
  });

  it('takes over the lock of a process that was killed, never that of a living one', async () => {
    const code = `process.send('on'); setInterval(() => {}, 1000)`;
    writeFileSync(join(directory, 'other.mjs'), code);
    const other = fork(join(directory, 'other.mjs'), { execArgv: [] });
    await once(other, 'message');
    const theirs = JSON.stringify({ ...lockOfThisProcess(), pid: other.pid, started: null });
    writeFileSync(join(directory, 'lock'), theirs);
    expect(() => lockDirectory(directory)).toThrow(String(other.pid));
    other.kill('SIGKILL');
    await once(other, 'exit');
    const unlock = lockDirectory(directory);
    expect(owner().pid).toBe(process.pid);
    unlock();
  });

  it('sees through a number that another process has now, and leaves other machines alone', () => {
    const mine = lockOfThisProcess();
    writeFileSync(join(directory, 'lock'), JSON.stringify({ ...mine, started: 'an earlier boot/17' }));
    lockDirectory(directory)();
    writeFileSync(join(directory, 'lock'), JSON.stringify({ ...mine, host: 'far-away', pid: 999_999 }));
    expect(() => lockDirectory(directory)).toThrow('far-away');
  });

  it('takes over a lock that was cut off while it was written', () => {
    writeFileSync(join(directory, 'lock'), '');
    lockDirectory(directory)();
  });
});

function lockOfThisProcess(): object {
  const unlock = lockDirectory(directory);
  const lock = JSON.parse(readFileSync(join(directory, 'lock'), 'utf8')) as object;
  unlock();
  return lock;
}

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { takeLock, type LockOwner, type Unlock } from './lock.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tessera-lock-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const refusal = (found: LockOwner | null) => new Error(`process ${found?.pid} on ${found?.host} has it`);
const lock = (): Unlock => takeLock(join(directory, 'lock'), refusal);
const owner = () => JSON.parse(readFileSync(join(directory, 'lock'), 'utf8')) as { pid: number };

describe('takeLock', () => {
  it('gives a lock to one process at a time', () => {
    const unlock = lock();
    expect(owner().pid).toBe(process.pid);
    expect(() => lock()).toThrow('has it');
    unlock();
    lock()();
    expect(readdirSync(directory)).toEqual([]);
  });

  it('takes over the lock of a process that was killed, never that of a living one', async () => {
    const code = `process.send('on'); setInterval(() => {}, 1000)`;
    writeFileSync(join(directory, 'other.mjs'), code);
    const other = fork(join(directory, 'other.mjs'), { execArgv: [] });
    await once(other, 'message');
    const theirs = JSON.stringify({ ...lockOfThisProcess(), pid: other.pid, started: null });
    writeFileSync(join(directory, 'lock'), theirs);
    expect(() => lock()).toThrow(String(other.pid));
    other.kill('SIGKILL');
    await once(other, 'exit');
    const unlock = lock();
    expect(owner().pid).toBe(process.pid);
    unlock();
  });

  it('knows an id that another process has now, and leaves other machines alone', () => {
    const mine = lockOfThisProcess();
    writeFileSync(join(directory, 'lock'), JSON.stringify({ ...mine, started: 'an earlier boot/17' }));
    lock()();
    writeFileSync(join(directory, 'lock'), JSON.stringify({ ...mine, host: 'far-away', pid: 999_999 }));
    expect(() => lock()).toThrow('far-away');
  });

  it('takes over a lock that was cut off while it was written', () => {
    writeFileSync(join(directory, 'lock'), '');
    lock()();
  });
});

function lockOfThisProcess(): object {
  const unlock = lock();
  const found = JSON.parse(readFileSync(join(directory, 'lock'), 'utf8')) as object;
  unlock();
  return found;
}

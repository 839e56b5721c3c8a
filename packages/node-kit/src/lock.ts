import { randomUUID } from 'node:crypto';
import { existsSync, linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import process from 'node:process';

/** Which process holds a lock. `started` tells two processes apart that had the same id one after the other. */
export interface LockOwner {
  readonly pid: number;
  readonly host: string;
  readonly started: string | null;
}

/** Releases a lock. */
export type Unlock = () => void;

/**
 * Takes a lock file for this process. A lock whose owner has died is taken over; one whose owner lives, or cannot be asked
 * because it is on another machine, never.
 * @throws what `refusal` makes of the living owner (null: the lock was just taken, and its owner could not be read)
 */
export function takeLock(path: string, refusal: (owner: LockOwner | null) => Error): Unlock {
  const mine = `${path}.${randomUUID()}`;
  const owner: LockOwner = { pid: process.pid, host: hostname(), started: startOf(process.pid) };
  writeFileSync(mine, JSON.stringify(owner));
  try {
    // A link, unlike a rename, fails where a lock already stands: exactly one of many takers gets it.
    if (!tryLink(mine, path)) {
      removeStale(path, refusal);
      if (!tryLink(mine, path)) throw refusal(readOwner(path));
    }
  } finally {
    rmSync(mine, { force: true });
  }
  return () => rmSync(path, { force: true });
}

function tryLink(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** Moves a dead owner's lock aside. If a living owner's lock was moved instead, it goes back. */
function removeStale(path: string, refusal: (owner: LockOwner | null) => Error): void {
  const seen = readOwner(path);
  if (seen && isAlive(seen)) throw refusal(seen);
  const aside = `${path}.${randomUUID()}`;
  try {
    renameSync(path, aside);
  } catch {
    return; // another taker was faster
  }
  const moved = readOwner(aside);
  if (moved && isAlive(moved) && !existsSync(path)) tryLink(aside, path);
  rmSync(aside, { force: true });
}

/** Null for a lock that is gone, or was cut off while it was written. */
function readOwner(path: string): LockOwner | null {
  try {
    const owner = JSON.parse(readFileSync(path, 'utf8')) as LockOwner | null;
    return typeof owner?.pid === 'number' ? owner : null;
  } catch {
    return null;
  }
}

function isAlive({ pid, host, started }: LockOwner): boolean {
  if (host !== hostname()) return true;
  // In containers every process may be number 1: a lock with this very number is then of an earlier one.
  const now = startOf(pid);
  if (started !== null && now !== started) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** When a process began, on Linux: clock ticks since this boot, and which boot. Null elsewhere. */
function startOf(pid: number): string | null {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The command's name, in parentheses, may hold spaces; the start is field 22, the 20th after it.
    return `${boot}/${stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]}`;
  } catch {
    return null;
  }
}

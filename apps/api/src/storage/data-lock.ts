import { randomUUID } from 'node:crypto';
import { existsSync, linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { TesseraError } from '@tessera/errors';

/** Whose data directory it is. `started` tells two processes apart that had the same id one after the other. */
interface Owner {
  readonly pid: number;
  readonly host: string;
  readonly started: string | null;
}

/** Releases the directory. */
export type Unlock = () => void;

/**
 * Takes a data directory for this process: two processes on one database would destroy it. A lock whose owner is gone
 * is taken over; one whose owner lives, or cannot be asked because it is on another machine, never.
 * @throws TesseraError `data-directory-in-use`
 */
export function lockDirectory(directory: string): Unlock {
  const path = join(directory, 'lock');
  const mine = join(directory, `lock.${randomUUID()}`);
  const owner: Owner = { pid: process.pid, host: hostname(), started: startOf(process.pid) };
  writeFileSync(mine, JSON.stringify(owner));
  try {
    // A link, unlike a rename, fails where a lock already stands: exactly one of many takers gets it.
    if (!tryLink(mine, path)) {
      removeStale(path, directory);
      if (!tryLink(mine, path)) throw inUse(directory, readOwner(path));
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

/** Moves a dead owner's lock aside; should a living owner's come along instead, it goes back. */
function removeStale(path: string, directory: string): void {
  const seen = readOwner(path);
  if (seen && isAlive(seen)) throw inUse(directory, seen);
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

function readOwner(path: string): Owner | null {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Owner;
  } catch {
    return null;
  }
}

function isAlive({ pid, host, started }: Owner): boolean {
  if (host !== hostname()) return true;
  // In containers every process may be number 1: a lock of this very number is an earlier life, unless just taken here.
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
    // The command's name, in parentheses, may hold blanks; the start is field 22, the 20th after it.
    return `${boot}/${stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]}`;
  } catch {
    return null;
  }
}

function inUse(directory: string, owner: Owner | null): TesseraError {
  return new TesseraError({
    code: 'data-directory-in-use',
    who: 'api',
    got: `the data directory ${directory}, which process ${owner?.pid ?? '?'} on ${owner?.host ?? '?'} uses`,
    expected: 'a directory of its own for each server',
    next: `Stop that server, set TESSERA_DATA to another directory, or delete ${join(directory, 'lock')} if it is surely gone.`,
  });
}

import { linkSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { TesseraError } from '@tessera/errors';

/**
 * Keeps a second setup out while one runs; gives what ends that. A lock whose process has died does not count.
 * @throws TesseraError `setup-running`
 */
export function lock(file: string): () => void {
  const holder = holderOf(file);
  if (holder !== null && isAlive(holder)) throw running(holder, file);
  if (holder !== null) rmSync(file, { force: true });
  const mine = `${file}.${process.pid}`;
  writeFileSync(mine, String(process.pid));
  try {
    linkSync(mine, file); // with its number in it, or not at all
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EEXIST') throw running(holderOf(file) ?? 0, file);
    throw cause;
  } finally {
    rmSync(mine, { force: true });
  }
  return () => rmSync(file, { force: true });
}

function holderOf(file: string): number | null {
  try {
    return Number(readFileSync(file, 'utf8'));
  } catch {
    return null;
  }
}

function isAlive(pid: number): boolean {
  try {
    return pid > 0 && process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function running(pid: number, file: string): TesseraError {
  return new TesseraError({
    code: 'setup-running',
    who: 'tessera setup tensorflow',
    got: `another setup that is at work (process ${pid})`,
    expected: 'one at a time',
    next: `Wait for it; if there is none, remove ${file}.`,
  });
}

import { createHash } from 'node:crypto';
import { accessSync, constants, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import type { Installation } from '@tessera/tensorflow-setup';

/** Where XLA's programs lie in the folder of the installation. */
export const COMPILED = 'compiled';
/** Bytes that are kept. */
const KEPT = 2e9;
/** Milliseconds in which another process may still want a file. */
const FRESH = 24 * 3600 * 1000;

/**
 * One folder for each kind of processor, TensorFlow and set of flags: the files are machine code. Null where it cannot be
 * written, and where a blank in its path would end the flag that names it. Old files go where there are too many.
 */
export function compiledFolder({ folder, version, variant }: Installation): string | null {
  const processor = `${process.arch} ${cpus()[0]?.model} ${instructions()}`;
  const made = `${processor} ${version} ${variant} ${process.env['XLA_FLAGS'] ?? ''}`;
  const compiled = join(folder, COMPILED, createHash('sha256').update(made).digest('hex').slice(0, 12));
  if (/\s/.test(compiled)) return null;
  try {
    mkdirSync(compiled, { recursive: true });
    accessSync(compiled, constants.W_OK);
    prune(join(folder, COMPILED), Date.now());
    return compiled;
  } catch {
    return null;
  }
}

/** What this processor can do; two of one name may differ. */
function instructions(): string {
  try {
    return /^flags.*$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[0] ?? '';
  } catch {
    return ''; // not Linux: the name must do
  }
}

/** Removes the oldest files until `kept` bytes are left, all kinds of processors together; those of the last day stay. */
export function prune(folder: string, now: number, kept = KEPT): void {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .flatMap(({ parentPath, name }) => {
      const file = join(parentPath, name);
      const found = statSync(file, { throwIfNoEntry: false }); // another process may prune as well
      return found ? [{ file, size: found.size, mtimeMs: found.mtimeMs }] : [];
    })
    .sort((a, b) => b.mtimeMs - a.mtimeMs);
  let sum = 0;
  for (const { file, size, mtimeMs } of files) {
    sum += size;
    if (sum > kept && now - mtimeMs > FRESH) rmSync(file, { force: true });
  }
}

import { spawnSync } from 'node:child_process';
import { closeSync, fstatSync, ftruncateSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';

/** A disk of its own, in memory. */
export interface SmallDisk {
  readonly directory: string;
  /** Leaves so many bytes free. */
  fill(free?: number): void;
  free(): void;
  remove(): void;
}

/** Only root may mount one, on Linux. */
export const canMount = process.platform === 'linux' && process.getuid?.() === 0 && spawnSync('mount').status === 0;

export function mountSmallDisk(directory: string, megabytes: number): SmallDisk {
  mkdirSync(directory, { recursive: true });
  run('mount', '-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', directory);
  const filler = join(directory, 'filler');
  return {
    directory,
    fill(free = 0) {
      const file = openSync(filler, 'w');
      for (const size of [1 << 20, 4096, 1]) {
        const bytes = Buffer.alloc(size);
        try {
          for (;;) writeSync(file, bytes);
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
        }
      }
      ftruncateSync(file, fstatSync(file).size - free);
      closeSync(file);
    },
    free: () => rmSync(filler, { force: true }),
    remove: () => run('umount', '--lazy', directory),
  };
}

function run(command: string, ...given: string[]): void {
  const { status, stderr } = spawnSync(command, given, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command}: ${stderr}`);
}

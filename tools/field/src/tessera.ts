import { execFile } from 'node:child_process';
import { join, resolve } from 'node:path';

/** Inputs as people bring them. */
export const inputs = resolve(import.meta.dirname, '../inputs');

const root = resolve(import.meta.dirname, '../../..');

export interface Run {
  /** Exit code. */
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

/** The command as a user runs it, from the root of the repository; ends after a minute at most. */
export function tessera(...args: string[]): Promise<Run> {
  return new Promise((done) => {
    const options = { cwd: root, encoding: 'utf8', timeout: 60_000, env: { ...process.env, TESSERA_TARGET: 'onnx' } };
    execFile(
      process.execPath,
      [join(root, 'apps/cli/bin/tessera.mjs'), ...args],
      options as object,
      (error, out, err) => done({ status: error ? Number(error.code ?? -1) : 0, out: String(out), err: String(err) }),
    );
  });
}

/** Lines of a sentence that Tessera throws; a stack or two sentences are a fault. */
export function sentences({ err }: Run): string[] {
  return err.split('\n').filter((line) => line.trim() !== '');
}

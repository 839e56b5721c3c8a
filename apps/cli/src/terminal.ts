import { printable } from '@tessera/errors';
import { showProgress, type Progress } from '@tessera/progress';

/**
 * Where a command speaks: results on stdout, everything else on stderr.
 * What it is given may quote files and arguments, so nothing but one line of printable text comes out; cells of a table are cut by
 * their callers.
 */
export interface Terminal {
  out(line: string): void;
  err(line: string): void;
  /** Long work of so many steps: a bar on a terminal, a line now and then in a pipe. */
  progress(label: string, total: number): Progress;
  /** Takes the bar away. */
  done(): void;
}

export function processTerminal(): Terminal {
  const { stdout, stderr } = process;
  for (const stream of [stdout, stderr]) stream.on('error', endWithReader);
  let shown: Progress | null = null;
  const clear = () => shown?.clear();
  return {
    out(line) {
      clear();
      stdout.write(`${printable(line, Infinity)}\n`);
    },
    err(line) {
      clear();
      stderr.write(`${printable(line, Infinity)}\n`);
    },
    progress(label, total) {
      clear();
      return (shown = showProgress(label, { total, out: stderr }));
    },
    done: clear,
  };
}

/** A reader that has seen enough (`| head`) ends the command as SIGPIPE ends others: without a word, with 128 + 13. */
function endWithReader(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error;
  process.exit(141);
}

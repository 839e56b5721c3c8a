import { printable } from '@tessera/errors';
import { showProgress, type Progress } from '@tessera/progress';

/**
 * Where a command prints: results on stdout, everything else on stderr. Lines may quote files and arguments, so each is
 * made one line of printable text; callers shorten the cells of a table.
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

/** A reader that has seen enough (`| head`) ends the command as SIGPIPE ends others: silently, with 128 + 13. */
function endWithReader(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error;
  process.exit(141);
}

/** A word of a command that is printed for people to run: quoted where a shell would not read it back unchanged. */
export function shellWord(text: string): string {
  return /^[\p{L}\p{N}_./:@%+=,-]+$/u.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

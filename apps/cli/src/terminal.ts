import { printable, printableLines } from '@tessera/errors';

/**
 * Where a command speaks: results on stdout, everything else on stderr, a progress bar only for people.
 * What it is given may quote files and arguments: it is made printable here, and callers make cells of a table so.
 */
export interface Terminal {
  out(line: string): void;
  err(line: string): void;
  /** Redraws one status line; does nothing in a pipe. */
  progress(fraction: number, label: string): void;
  /** Clears the status line. */
  done(): void;
}

export function processTerminal(): Terminal {
  const { stdout, stderr } = process;
  for (const stream of [stdout, stderr]) stream.on('error', endWithReader);
  let drawn = false;
  const clear = () => {
    if (drawn) stderr.write('\r\u001b[2K');
    drawn = false;
  };
  return {
    out(line) {
      clear();
      stdout.write(`${printableLines(line)}\n`);
    },
    err(line) {
      clear();
      stderr.write(`${printableLines(line)}\n`);
    },
    progress(fraction, label) {
      if (!stderr.isTTY) return;
      const width = 28;
      const full = Math.round(Math.min(1, Math.max(0, fraction)) * width);
      const bar = '█'.repeat(full) + '░'.repeat(width - full);
      const line = `${bar} ${String(Math.round(fraction * 100)).padStart(3)}%  ${printable(label)}`;
      stderr.write(`\r\u001b[2K${line.slice(0, (stderr.columns ?? 80) - 1)}`);
      drawn = true;
    },
    done: clear,
  };
}

/** A reader that has seen enough (`| head`) ends the command as SIGPIPE ends others: without a word, with 128 + 13. */
function endWithReader(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error;
  process.exit(141);
}

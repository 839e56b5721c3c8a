import type { Writable } from 'node:stream';
import { printable } from '@tessera/errors';

/** Progress of long work: a bar on a terminal, redrawn in place; in a pipe or a file, a line now and then. */
export interface Progress {
  /** Says what is going on before the next step is done. */
  begin(note: string): void;
  update(done: number, note: string): void;
  /** Ends with the last state left on the screen. */
  end(): void;
  /** Removes the bar from the terminal. */
  clear(): void;
}

/** Writes nothing. */
export const silentProgress: Progress = {
  begin: () => undefined,
  update: () => undefined,
  end: () => undefined,
  clear: () => undefined,
};

export interface ProgressOptions {
  /** Number of steps. */
  readonly total: number;
  readonly out: Writable & { isTTY?: boolean; columns?: number };
  /** The clock, in milliseconds. */
  readonly now?: () => number;
}

const CELLS = 24;
const REDRAW_MS = 100;
/** Pause between two lines in a pipe. It starts with the first and doubles up to the longest. */
const [FIRST_PAUSE_MS, LONGEST_PAUSE_MS] = [5000, 60_000];

/** Shows the progress of `total` steps. In a pipe, work without `begin` that ends within the first pause writes nothing. */
export function showProgress(label: string, { total, out, now = () => performance.now() }: ProgressOptions): Progress {
  const work = { label, total, out, now };
  return out.isTTY === true ? bar(work) : lines(work);
}

type Work = Required<ProgressOptions> & { readonly label: string };

function bar({ label, total, out, now }: Work): Progress {
  const left = timeLeft(total);
  let drawnAt = -Infinity;
  let visible = false;
  const draw = (text: string) => {
    out.write(`\r\u001b[2K${printable(text).slice(0, (out.columns ?? 1000) - 1)}`);
    visible = true;
  };
  return {
    begin: (note) => draw(`${label}  ${note}`),
    update(done, note) {
      const time = left(done, now());
      if (now() - drawnAt < REDRAW_MS && done < total) return;
      drawnAt = now();
      const full = Math.round(CELLS * Math.min(1, done / total));
      const cells = '#'.repeat(full) + '.'.repeat(CELLS - full);
      draw(`${label} [${cells}] ${Math.floor(done)}/${total}  ${note}${time}`);
    },
    end() {
      out.write('\n');
      visible = false;
    },
    clear() {
      if (visible) out.write('\r\u001b[2K');
      visible = false;
    },
  };
}

function lines({ label, total, out, now }: Work): Progress {
  const left = timeLeft(total);
  const start = now();
  let pause = FIRST_PAUSE_MS;
  let writtenAt = start;
  let wrote = false;
  let last: string | null = null;
  const write = (text: string) => {
    out.write(`${printable(`${label}  ${text}`)}\n`);
    [writtenAt, wrote] = [now(), true];
  };
  return {
    begin: write,
    update(done, note) {
      const time = left(done, now());
      last = `${Math.floor(done)}/${total}  ${note}`;
      if (now() - writtenAt < pause || done >= total) return;
      write(`${last}${time}`);
      pause = Math.min(LONGEST_PAUSE_MS, 2 * pause);
    },
    end() {
      if (wrote && last !== null) write(`${last}  in ${duration((now() - start) / 1000)}`);
    },
    clear: () => undefined,
  };
}

/**
 * Returns `  5m10s left`, from the pace since the first step that was seen, or nothing at that step. The first step is left
 * out because it compiles. A resumed training begins in the middle, so the pace does not count from 0.
 */
function timeLeft(total: number): (done: number, now: number) => string {
  let first: { readonly done: number; readonly at: number } | null = null;
  return (done, now) => {
    first ??= { done, at: now };
    if (done <= first.done) return '';
    return `  ${duration((((now - first.at) / (done - first.done)) * (total - done)) / 1000)} left`;
  };
}

/** Formats seconds: 75 as `1m15s`. */
export function duration(seconds: number): string {
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole}s`;
  const [minutes, hours] = [Math.floor(whole / 60) % 60, Math.floor(whole / 3600)];
  return hours > 0 ? `${hours}h${minutes}m` : `${minutes}m${whole % 60}s`;
}

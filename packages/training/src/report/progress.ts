import type { Writable } from 'node:stream';
import { printable } from '@tessera/errors';

/** How far long work has come: a bar that is drawn over itself on a terminal, lines now and then in a pipe or a file. */
export interface Progress {
  /** Says what goes on before the next of its steps is done. */
  begin(note: string): void;
  update(done: number, note: string): void;
  /** Leaves the last state to be read. */
  end(): void;
  /** Takes the bar off the terminal. */
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
  /** Steps in all. */
  readonly total: number;
  readonly out: Writable & { isTTY?: boolean; columns?: number };
  /** Milliseconds. */
  readonly now?: () => number;
}

const CELLS = 24;
const REDRAW_MS = 100;
/** Between two lines of a pipe: at first, and at most. Each pause is twice the one before. */
const [FIRST_PAUSE_MS, LONGEST_PAUSE_MS] = [5000, 60_000];

/** The progress of `total` steps. A pipe that sees less than the first pause, and no `begin`, stays empty. */
export function showProgress(label: string, { total, out, now = () => performance.now() }: ProgressOptions): Progress {
  const work = { label, total, out, now };
  return out.isTTY === true ? bar(work) : lines(work);
}

type Work = Required<ProgressOptions> & { readonly label: string };

function bar({ label, total, out, now }: Work): Progress {
  const left = timeLeft(total);
  let drawn = -Infinity;
  let stands = false;
  const draw = (text: string) => {
    out.write(`\r\u001b[2K${printable(text).slice(0, (out.columns ?? 1000) - 1)}`);
    stands = true;
  };
  return {
    begin: (note) => draw(`${label}  ${note}`),
    update(done, note) {
      const time = left(done, now());
      if (now() - drawn < REDRAW_MS && done < total) return;
      drawn = now();
      const full = Math.round(CELLS * Math.min(1, done / total));
      const cells = '#'.repeat(full) + '.'.repeat(CELLS - full);
      draw(`${label} [${cells}] ${Math.floor(done)}/${total}  ${note}${time}`);
    },
    end() {
      out.write('\n');
      stands = false;
    },
    clear() {
      if (stands) out.write('\r\u001b[2K');
      stands = false;
    },
  };
}

function lines({ label, total, out, now }: Work): Progress {
  const left = timeLeft(total);
  const start = now();
  let pause = FIRST_PAUSE_MS;
  let [said, told] = [start, false];
  let last: string | null = null;
  const say = (text: string) => {
    out.write(`${printable(`${label}  ${text}`)}\n`);
    [said, told] = [now(), true];
  };
  return {
    begin: say,
    update(done, note) {
      const time = left(done, now());
      last = `${Math.floor(done)}/${total}  ${note}`;
      if (now() - said < pause || done >= total) return;
      say(`${last}${time}`);
      pause = Math.min(LONGEST_PAUSE_MS, 2 * pause);
    },
    end() {
      if (told && last !== null) say(`${last}  in ${duration((now() - start) / 1000)}`);
    },
    clear: () => undefined,
  };
}

/**
 * `  5m10s left`, by the pace since the first of the steps that were seen; empty before there is one. The first tells nothing about
 * the others: it compiles. A resumed training begins in the middle.
 */
function timeLeft(total: number): (done: number, now: number) => string {
  let first: { readonly done: number; readonly at: number } | null = null;
  return (done, now) => {
    first ??= { done, at: now };
    if (done <= first.done) return '';
    return `  ${duration((((now - first.at) / (done - first.done)) * (total - done)) / 1000)} left`;
  };
}

/** `75` seconds as `1m15s`. */
export function duration(seconds: number): string {
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole}s`;
  const [minutes, hours] = [Math.floor(whole / 60) % 60, Math.floor(whole / 3600)];
  return hours > 0 ? `${hours}h${minutes}m` : `${minutes}m${whole % 60}s`;
}

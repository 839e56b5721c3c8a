import type { Writable } from 'node:stream';

/** One line that is drawn over itself on a terminal, and nothing elsewhere. */
export interface Progress {
  /** Says what goes on before the first of its steps is done. */
  begin(note: string): void;
  update(done: number, note: string): void;
  end(): void;
}

/** Writes nothing. */
export const silentProgress: Progress = { begin: () => undefined, update: () => undefined, end: () => undefined };

const CELLS = 24;
const REDRAW_MS = 100;

/** A progress bar of `total` steps. In a pipe or a file it writes nothing: the log holds the same figures. */
export function progressBar(
  label: string,
  {
    total,
    out,
    now = () => performance.now(),
  }: { total: number; out: Writable & { isTTY?: boolean }; now?: () => number },
): Progress {
  if (out.isTTY !== true) return silentProgress;
  let first: { readonly done: number; readonly at: number } | null = null;
  let drawn = -Infinity;
  return {
    begin: (note) => void out.write(`\r\u001b[2K${label}  ${note}`),
    update(done, note) {
      // The first step tells nothing about the others: it compiles. A resumed training begins in the middle.
      first ??= { done, at: now() };
      if (now() - drawn < REDRAW_MS && done < total) return;
      drawn = now();
      const left = ((drawn - first.at) / (done - first.done)) * (total - done);
      const full = Math.round((CELLS * done) / total);
      const bar = '#'.repeat(full) + '.'.repeat(CELLS - full);
      const time = done > first.done ? `  ${duration(left / 1000)} left` : '';
      out.write(`\r\u001b[2K${label} [${bar}] ${done}/${total}  ${note}${time}`);
    },
    end: () => void out.write('\n'),
  };
}

/** `75` seconds as `1m15s`. */
export function duration(seconds: number): string {
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole}s`;
  const [minutes, hours] = [Math.floor(whole / 60) % 60, Math.floor(whole / 3600)];
  return hours > 0 ? `${hours}h${minutes}m` : `${minutes}m${whole % 60}s`;
}

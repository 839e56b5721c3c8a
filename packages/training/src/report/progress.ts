import type { Writable } from 'node:stream';

/** One line that is drawn over itself on a terminal, and nothing elsewhere. */
export interface Progress {
  update(done: number, note: string): void;
  end(): void;
}

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
  if (out.isTTY !== true) return { update: () => undefined, end: () => undefined };
  const start = now();
  let first: number | null = null;
  let drawn = -Infinity;
  return {
    update(done, note) {
      first ??= done - 1; // a resumed training begins in the middle
      if (now() - drawn < REDRAW_MS && done < total) return;
      drawn = now();
      const left = ((drawn - start) / Math.max(1, done - first)) * (total - done);
      const full = Math.round((CELLS * done) / total);
      const bar = '#'.repeat(full) + '.'.repeat(CELLS - full);
      out.write(`\r\u001b[2K${label} [${bar}] ${done}/${total}  ${note}  ${duration(left / 1000)} left`);
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

import { readFileSync } from 'node:fs';
import process from 'node:process';
import { createInterface } from 'node:readline';
import type { Figures } from '../measure.ts';

/** What the caller passed as the only argument. */
export function sideSettings<T>(): T {
  return JSON.parse(process.argv[2]!) as T;
}

/** Answers every line with one run, until `quit` or the end of input. */
export async function serveSide(runtime: string, run: () => Promise<Figures>): Promise<void> {
  console.log(JSON.stringify({ ready: true, runtime }));
  for await (const line of createInterface({ input: process.stdin })) {
    if (line.trim() === 'quit') return;
    const before = process.cpuUsage();
    const figures = await run();
    const { user, system } = process.cpuUsage(before);
    console.log(JSON.stringify({ ...figures, cpu: (user + system) / 1e6, peakMemory: peakMemory() }));
  }
}

/** Peak resident memory of this process in bytes; the current one where the system keeps no peak. */
export function peakMemory(): number {
  try {
    const kilobytes = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
    if (kilobytes !== undefined) return Number(kilobytes) * 1024;
  } catch {
    // Not Linux.
  }
  return process.memoryUsage.rss();
}

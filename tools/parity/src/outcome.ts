import type { Verdict } from './comparison.ts';

/** How one file of a folder came out. */
export interface Outcome {
  readonly name: string;
  readonly kind: string;
  readonly passed: boolean;
  /** The largest error and where, or the reason of the failure. */
  readonly detail: string;
}

/** Sums up the comparisons of one file. A file that compares nothing fails: it proves nothing. */
export function outcomeOf(name: string, kind: string, verdicts: readonly Verdict[]): Outcome {
  const failures = verdicts.filter((verdict) => verdict.failure !== undefined);
  if (verdicts.length === 0) return { name, kind, passed: false, detail: 'nothing to compare in this file' };
  if (failures.length > 0) {
    const more = failures.length > 1 ? ` (and ${failures.length - 1} more)` : '';
    return { name, kind, passed: false, detail: `${failures[0]!.failure}${more}` };
  }
  const worst = verdicts.reduce((a, b) => (b.share > a.share ? b : a));
  return { name, kind, passed: true, detail: `${worst.share.toPrecision(2)} of tolerance at ${worst.name}` };
}

/** A file that could not be run to its end. */
export function brokenOutcome(name: string, kind: string, error: unknown): Outcome {
  const message = error instanceof Error ? error.message : String(error);
  return { name, kind, passed: false, detail: message.split('\n')[0]! };
}

export function formatOutcome({ name, kind, passed, detail }: Outcome): string {
  return `${passed ? 'ok  ' : 'FAIL'}  ${name}  ${kind}  ${detail}`;
}

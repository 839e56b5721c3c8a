import type { TargetJob } from './bench-arguments.ts';

/** Seconds of one column in one job. */
export interface TargetTime {
  readonly title: string;
  readonly seconds: number;
}

export interface JobTimes {
  readonly job: TargetJob;
  readonly kind: 'inference' | 'training';
  readonly times: readonly TargetTime[];
}

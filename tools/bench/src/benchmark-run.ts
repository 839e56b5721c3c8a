import type { BenchArguments } from './bench-arguments.ts';

export type Print = (line: string) => void;

/** Measures and prints for people; returns what `--json` prints. */
export type BenchmarkRun = (request: BenchArguments, print: Print) => Promise<object>;

export type { CaseFile, CaseTensor } from './case-file.ts';
export type { CaseRunner } from './case-runner.ts';
export { Checks } from './checks.ts';
export type { Outcome } from './outcome.ts';
export { parity } from './parity.ts';
export { recordedRng, type RecordedStream } from './recorded-rng.ts';
export { runFolder, type FolderRequest } from './run-folder.ts';

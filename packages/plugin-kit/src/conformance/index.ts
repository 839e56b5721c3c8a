export { properties, type Case, type Property } from './case.ts';
export { cases } from './cases.ts';
export type { CasesOptions } from './options.ts';
export { report, type CaseReport, type Report } from './cases.ts';
export { readConformance } from './own/conformance-file.ts';

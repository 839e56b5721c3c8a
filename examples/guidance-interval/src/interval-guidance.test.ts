import { cases, readConformance } from '@tessera/plugin-kit/conformance';
import { describe, it } from 'vitest';
import { intervalGuidance } from './interval-guidance.ts';

// What the kit is to know, and cases of your own.
const settings = readConformance(new URL('../conformance.json', import.meta.url));

describe('intervalGuidance', () => {
  for (const { name, run } of cases(intervalGuidance, settings[intervalGuidance.name])) it(name, run);
});

import { cases, readConformance } from '@tessera/plugin-kit/conformance';
import { describe, it } from 'vitest';
import { projectedGuidance } from './projected-guidance.ts';

// What the kit is to know, and cases of your own.
const settings = readConformance(new URL('../conformance.json', import.meta.url));

describe('projectedGuidance', () => {
  for (const { name, run } of cases(projectedGuidance, settings[projectedGuidance.name])) it(name, run);
});

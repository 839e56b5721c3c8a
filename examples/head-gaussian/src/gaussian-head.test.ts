import { cases, readConformance } from '@tessera/plugin-kit/conformance';
import { describe, it } from 'vitest';
import { gaussianHead } from './gaussian-head.ts';

// What the kit is to know, and cases of your own.
const settings = readConformance(new URL('../conformance.json', import.meta.url));

describe('gaussianHead', () => {
  for (const { name, run } of cases(gaussianHead, settings[gaussianHead.name])) it(name, run);
});

import { cases } from '@tessera/core/conformance';
import { describe, it } from 'vitest';
import { gaussianHead } from './gaussian-head.ts';

describe('gaussianHead', () => {
  for (const { name, run } of cases(gaussianHead)) it(name, run);
});

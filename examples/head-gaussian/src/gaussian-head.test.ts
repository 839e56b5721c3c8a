import { cases } from '@tessera/plugin-kit/conformance';
import { describe, it } from 'vitest';
import { gaussianHead } from './gaussian-head.ts';

describe('gaussianHead', () => {
  for (const { name, run } of cases(gaussianHead)) it(name, run);
});

import { cases } from '@tessera/plugin-kit/conformance';
import { describe, it } from 'vitest';
import { categoricalHead } from './head.ts';

describe('conformance', () => {
  for (const { name, run } of cases(categoricalHead)) it(name, run);
});

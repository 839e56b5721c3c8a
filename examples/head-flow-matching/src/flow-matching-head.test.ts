import { cases } from '@tessera/core/conformance';
import { describe, it } from 'vitest';
import { flowMatchingHead } from './flow-matching-head.ts';

describe('flowMatchingHead', () => {
  for (const { name, run } of cases(flowMatchingHead, { config: { blocks: 2, width: 32 } })) it(name, run);
});

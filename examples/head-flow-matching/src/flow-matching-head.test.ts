import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { cases } from '@tessera/plugin-kit/conformance';
import { describe, expect, it } from 'vitest';
import { flowMatchingHead } from './flow-matching-head.ts';

describe('flowMatchingHead', () => {
  for (const { name, run } of cases(flowMatchingHead, { config: { blocks: 2, width: 32 } })) it(name, run);

  it('has at most 60 lines of its own: neither blank, nor comments, nor imports', () => {
    const here = import.meta.dirname;
    const files = readdirSync(here).filter((file) => !file.endsWith('.test.ts'));
    const lines = files.flatMap((file) => readFileSync(join(here, file), 'utf8').split('\n'));
    expect(lines.filter((line) => !/^\s*(\/\/|\/\*|\*|import |$)/.test(line)).length).toBeLessThanOrEqual(60);
  });
});

import { cases } from '@tessera/plugin-kit/conformance';
import { describe, expect, it } from 'vitest';
import { mixerBackbone } from './mixer-backbone.ts';

const config = { classes: 3, width: 8, depth: 1 };

describe('mixerBackbone', () => {
  for (const { name, run } of cases(mixerBackbone, { config })) it(name, run);

  it('describes what it builds', () => {
    const facts = mixerBackbone.describe(mixerBackbone.config.parse(config, 'test'));
    expect(facts).toMatchObject({ width: 8, reads: 'known', condition: { kind: 'class', classes: 3 } });
  });
});

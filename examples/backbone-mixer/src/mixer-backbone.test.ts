import { cases, readConformance } from '@tessera/plugin-kit/conformance';
import { describe, expect, it } from 'vitest';
import { mixerBackbone } from './mixer-backbone.ts';

// What the kit is to know, and cases of your own.
const settings = readConformance(new URL('../conformance.json', import.meta.url));

describe('mixerBackbone', () => {
  for (const { name, run } of cases(mixerBackbone, settings[mixerBackbone.name])) it(name, run);

  it('describes what it builds', () => {
    const facts = mixerBackbone.describe(mixerBackbone.config.parse({ classes: 3, width: 8 }, 'test'));
    expect(facts).toMatchObject({ width: 8, reads: 'known', condition: { kind: 'class', classes: 3 } });
  });
});

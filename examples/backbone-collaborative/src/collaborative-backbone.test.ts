import { cases, readConformance } from '@tessera/plugin-kit/conformance';
import { describe, expect, it } from 'vitest';
import { collaborativeBackbone } from './collaborative-backbone.ts';

const settings = readConformance(new URL('../conformance.json', import.meta.url));

describe('collaborativeBackbone', () => {
  for (const { name, run } of cases(collaborativeBackbone, settings[collaborativeBackbone.name])) it(name, run);

  it('refuses classes of its parts', () => {
    const part = { depth: 1, width: 8, heads: 1 };
    const read = (draft: object) => collaborativeBackbone.config.parse({ at: 1, draft, refine: part }, 'test');
    expect(() => read({ ...part, classes: 3 })).toThrow('classes beside draft and refine');
    expect(read(part)).toMatchObject({ at: 1, draft: part });
  });
});

import { describe, expect, it } from 'vitest';
import { matchesAny } from './name-pattern.ts';

describe('matchesAny', () => {
  it('takes a dot literally and a star for any run', () => {
    expect(matchesAny('var.train', ['var.*'])).toBe(true);
    expect(matchesAny('variance', ['var.*'])).toBe(false);
    expect(matchesAny('interp', ['interp*'])).toBe(true);
    expect(matchesAny('interp.grad', ['quantizer', 'interp*'])).toBe(true);
    expect(matchesAny('mar.net', ['var.*', 'vqvae*'])).toBe(false);
  });

  it('matches everything without patterns', () => {
    expect(matchesAny('anything', [])).toBe(true);
  });
});

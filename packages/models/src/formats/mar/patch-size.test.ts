import { describe, expect, it } from 'vitest';
import { patchSizeOf } from './patch-size.ts';

function codeOf(tokenChannels: number, latentChannels: number, said?: number): unknown {
  try {
    return patchSizeOf({ who: 'test', tokenChannels, latentChannels, said });
  } catch (error) {
    return (error as { readonly code?: string }).code;
  }
}

describe('patchSizeOf', () => {
  it('follows from the channels', () => {
    expect([codeOf(16, 16), codeOf(16, 4), codeOf(64, 16, 2), codeOf(16, 16, 1)]).toEqual([1, 2, 2, 1]);
  });

  it('must be what the generator was made with', () => {
    expect(codeOf(16, 16, 2)).toBe('patch-mismatch');
    expect(codeOf(16, 4, 1)).toBe('patch-mismatch');
  });

  it('needs channels that make whole patches', () => {
    expect([codeOf(4, 16), codeOf(32, 16), codeOf(16, 3, 2)]).toEqual(new Array(3).fill('channels-mismatch'));
  });
});

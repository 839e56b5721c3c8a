import * as tf from '@tensorflow/tfjs';
import type { Tensor3D, Tensor4D } from '@tensorflow/tfjs';
import { afterAll, describe, expect, it } from 'vitest';
import { checkImage, checkKept, checkMask, checkTokens } from './checks.ts';

describe('checks', () => {
  const tokens = tf.zeros([2, 4, 3]) as Tensor3D;
  const picture = tf.zeros([5, 8, 6, 3]) as Tensor4D;
  afterAll(() => tf.dispose([tokens, picture]));
  const image = { height: 8, width: 6, channels: 3 };

  it('let pass what fits', () => {
    expect(() => checkImage(picture, image, 'test')).not.toThrow();
    expect(() => checkTokens(tokens, [2, 4, 3], 'test')).not.toThrow();
    expect(() => checkKept({ values_BLC: tokens, keep_L: new Uint8Array(4) }, [2, 4, 3], 'test')).not.toThrow();
    expect(() => checkMask(new Uint8Array(6), { height: 2, width: 3 }, 'test')).not.toThrow();
  });

  it('say what was given and what would have been right', () => {
    expect(() => checkImage(picture, { ...image, width: 8 }, 'test')).toThrow(
      '[test] got pictures of [5,8,6,3]; expected [B, 8, 8, 3]',
    );
    expect(() => checkTokens(tokens, [2, 4, 4], 'test')).toThrow('got tokens of [2,4,3]; expected [2,4,4]');
    const kept = { values_BLC: tokens, keep_L: new Uint8Array(3) };
    expect(() => checkKept(kept, [2, 4, 3], 'test')).toThrow('got keep_L of 3 entries; expected 4');
    expect(() => checkMask(new Uint8Array(5), { height: 2, width: 3 }, 'test')).toThrow('expected 2 x 3 entries');
  });
});

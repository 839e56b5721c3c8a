import { readFileSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { resize, type ResizeMode } from './resize.ts';

interface Case {
  readonly i: number;
  readonly mode: ResizeMode;
  readonly out: [number, number];
}

/** Tensors of a safetensors file, images turned from NCHW to NHWC, and its list of cases. */
function fixture(name: string): { cases: Case[]; image: (key: string) => tf.Tensor4D } {
  const bytes = readFileSync(new URL(`../../../../tools/goldens/cases/${name}`, import.meta.url));
  const start = 8 + Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.toString('utf8', 8, start));
  const image = (key: string): tf.Tensor4D => {
    const [from, to] = header[key].data_offsets;
    const data = new Float32Array(new Uint8Array(bytes.subarray(start + from, start + to)).buffer);
    return tf.transpose(tf.tensor4d(data, header[key].shape), [0, 2, 3, 1]);
  };
  return { cases: JSON.parse(header.__metadata__.cases), image };
}

function furthest(a: tf.Tensor, b: tf.Tensor): number {
  expect(a.shape).toEqual(b.shape);
  return tf.max(tf.abs(tf.sub(a, b))).dataSync()[0]!;
}

describe('resize', () => {
  const forward = fixture('interp.safetensors');
  it.each(forward.cases)('equals PyTorch: $mode to $out, case $i', ({ i, mode, out }) => {
    tf.tidy(() => {
      const resized = resize(forward.image(`in.${i}`), out[0], out[1], mode);
      expect(furthest(resized, forward.image(`out.${i}`))).toBeLessThan(1e-5);
    });
  });

  const backward = fixture('interp_grad.safetensors');
  it.each(backward.cases)('has the gradient of PyTorch: $mode to $out, case $i', ({ i, mode, out }) => {
    tf.tidy(() => {
      const weight = backward.image(`in.w.${i}`);
      const gradient = tf.grad((x) => tf.sum(tf.mul(resize(x as tf.Tensor4D, out[0], out[1], mode), weight)));
      expect(furthest(gradient(backward.image(`in.${i}`)), backward.image(`grad.${i}`))).toBeLessThan(1e-5);
    });
  });
});

import { expect, it } from 'vitest';
import { ratiosOf } from './target-times.ts';

it('takes the geometric mean of the jobs that have a target, over ONNX Runtime', () => {
  const times = (onnx: number, between: number) => [
    { title: 'ONNX Runtime', seconds: onnx },
    { title: 'TensorFlow, XLA between products', seconds: between },
  ];
  const measured = [
    { job: 'var-train', kind: 'training', times: times(2, 1) },
    { job: 'mar-train', kind: 'training', times: times(1, 2) },
    { job: 'vqvae-train', kind: 'training', times: times(1, 0.125) },
    { job: 'var-d16', kind: 'inference', times: times(1, 3).slice(0, 1) },
  ] as const;
  expect(ratiosOf(measured)).toEqual({ inference: { onnx: 1 }, training: { onnx: 1, tensorflow: 0.5 } });
});

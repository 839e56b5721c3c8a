import { describe, expect, it } from 'vitest';
import { fitPreview } from './preview.ts';

describe('fitPreview', () => {
  const count = 200;
  const latent_NC = Float32Array.from({ length: count * 4 }, (_, i) => Math.sin((i + 1) ** 2));
  const weight = [
    [0.1, -0.2],
    [0.3, 0],
    [0, 0.05],
    [-0.1, 0.2],
  ];
  const bias = [0.5, 0.4];
  const pixel_Nc = Float32Array.from({ length: count * 2 }, (_, i) => {
    const n = Math.floor(i / 2);
    return weight.reduce((sum, row, c) => sum + row[i % 2]! * latent_NC[n * 4 + c]!, bias[i % 2]!);
  });

  it('finds the linear map that made the pixels', () => {
    const fitted = fitPreview({ latent_NC, pixel_Nc, count });
    for (const [c, row] of weight.entries()) {
      for (const [i, value] of row.entries()) expect(fitted.weight[c]![i]).toBeCloseTo(value, 4);
    }
    for (const [i, value] of bias.entries()) expect(fitted.bias[i]).toBeCloseTo(value, 4);
  });

  it('stays finite where a channel never varies', () => {
    const still = latent_NC.map((value, i) => (i % 4 === 3 ? 1 : value));
    const { weight: rows, bias: shift } = fitPreview({ latent_NC: still, pixel_Nc, count });
    expect([...rows.flat(), ...shift].every((value) => Math.abs(value) < 10)).toBe(true);
  });
});

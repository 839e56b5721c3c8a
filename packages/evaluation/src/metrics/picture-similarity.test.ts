import { describe, expect, it } from 'vitest';
import { meanSsim, psnr } from './picture-similarity.ts';

describe('pictures against pictures', () => {
  it('measures noise in dB', () => {
    expect(psnr(Float32Array.of(0.5, 0.5), Float32Array.of(0.6, 0.4))).toBeCloseTo(20, 5);
  });

  it.each([1, 3])('measures structure: %i channels', (channels) => {
    const image = { height: 24, width: 24, channels };
    const size = 24 * 24 * channels;
    const wave = (shift: number) =>
      Float32Array.from({ length: 2 * size }, (_, i) => 0.5 + 0.4 * Math.sin(i / 9 + shift));
    expect(meanSsim(wave(0), wave(0), image)).toBeCloseTo(1, 6);
    expect(meanSsim(wave(0), wave(0.2), image)).toBeGreaterThan(meanSsim(wave(0), wave(1), image));
    expect(meanSsim(wave(0), wave(Math.PI), image)).toBeLessThan(0);
    const flat = { a: new Float32Array(size).fill(0.2), b: new Float32Array(size).fill(0.6) };
    const [x, y, c] = [51, 153, (0.01 * 255) ** 2]; // the closed form where nothing varies
    expect(meanSsim(flat.a, flat.b, image)).toBeCloseTo((2 * x * y + c) / (x * x + y * y + c), 4);
  });
});

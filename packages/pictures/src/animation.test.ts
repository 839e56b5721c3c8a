import sharp from 'sharp';
import { expect, it } from 'vitest';
import { encodeAnimation } from './index.ts';

const frame = (seed: number, channels: number, milliseconds = 100) => {
  const data = Float32Array.from({ length: 6 * channels }, (_, i) => ((i * seed) % 17) / 17);
  return { pixels: { data, height: 2, width: 3, channels }, milliseconds };
};

it.each([1, 3])('holds every pixel of every frame, and how long it is shown: %i channels', async (channels) => {
  const frames = [frame(3, channels), frame(5, channels, 1500), frame(7, channels)];
  const webp = await encodeAnimation(frames);
  expect(await sharp(webp, { animated: true }).metadata()).toMatchObject({
    format: 'webp',
    pages: 3,
    pageHeight: 2,
    width: 3,
    delay: [100, 1500, 100],
    loop: 0,
  });
  for (const [page, { pixels }] of frames.entries()) {
    const rgb = await sharp(webp, { page }).removeAlpha().raw().toBuffer();
    const expected = [...pixels.data].map((value) => Math.round(value * 255));
    expect([...rgb]).toEqual(channels === 3 ? expected : expected.flatMap((value) => [value, value, value]));
  }
});

it('refuses frames of different sizes, and none', async () => {
  await expect(encodeAnimation([])).rejects.toThrow('got no frame; expected at least one frame, all of one size.');
  await expect(encodeAnimation([frame(1, 1), frame(1, 3)])).rejects.toThrow('frames of 2x3x1 and 2x3x3');
});

import { describe, expect, it } from 'vitest';
import { attributeValues, NONE } from './attributes.ts';
import { drawAvatar } from './draw-avatar.ts';
import { openAvatarThreads } from './draw-avatars.ts';
import { avatarCredit, avatarStyles } from './styles.ts';

const seeds = Array.from({ length: 24 }, (_, n) => `seed ${n}`);

describe.each(avatarStyles)('avatars of %s', (style) => {
  it('have values of the known attributes, and each seed its own picture', async () => {
    const avatars = await Promise.all(seeds.map((seed) => drawAvatar({ style, seed, size: 32 })));
    const known = attributeValues(style);
    for (const { attributes, pixels } of avatars) {
      expect(Object.keys(attributes)).toEqual(Object.keys(known));
      for (const [name, value] of Object.entries(attributes)) expect(known[name], name).toContain(value);
      const background = [1, 3, 5].map((at) => parseInt(attributes['background']!.slice(at, at + 2), 16));
      expect([...pixels.subarray(0, 3)]).toEqual(background);
    }
    expect(new Set(avatars.map(({ pixels }) => Buffer.from(pixels).toString('base64'))).size).toBe(seeds.length);
    expect(avatarCredit(style)).toMatch(/ by .+ \(CC0 1\.0\)$/);
  });
});

describe('attributes', () => {
  it('leave out what is covered or not there', async () => {
    const avatars = await Promise.all(
      Array.from({ length: 200 }, (_, n) => drawAvatar({ style: 'pixel-art', seed: `hat ${n}`, size: 16 })),
    );
    for (const { attributes } of avatars) {
      for (const part of ['hat', 'glasses', 'accessories', 'eyes']) {
        expect(attributes[`${part}Color`] === NONE || attributes[part] !== NONE, part).toBe(true);
      }
    }
    const hats = avatars.filter(({ attributes }) => attributes['hat'] !== NONE);
    expect(hats.length).toBeGreaterThan(3);
    expect(hats.some(({ attributes }) => attributes['hair'] === NONE)).toBe(true);
    expect(hats.some(({ attributes }) => attributes['hair'] !== NONE)).toBe(true);
  });

  it('decide the picture of a pixel avatar: equal attributes, equal pixels', async () => {
    const { attributes, pixels } = await drawAvatar({ style: 'pixel-art', seed: 'seed 3', size: 16 });
    const again = await drawAvatar({ style: 'pixel-art', seed: 'seed 3', size: 16 });
    expect(again).toEqual({ style: 'pixel-art', seed: 'seed 3', attributes, pixels });
  });
});

describe('threads', () => {
  it('draw what this one draws, in the order of the requests', async () => {
    const requests = seeds.flatMap((seed) => avatarStyles.map((style) => ({ style, seed, size: 16 })));
    let n = 0;
    const threads = openAvatarThreads();
    for await (const avatar of threads.draw(requests)) {
      if (n % 17 === 0) expect(avatar).toEqual(await drawAvatar(requests[n]!));
      expect([avatar.style, avatar.seed]).toEqual([requests[n]!.style, requests[n]!.seed]);
      n++;
    }
    expect(n).toBe(requests.length);
    await expect(threads.draw([{ ...requests[0]!, size: 0 }]).next()).rejects.toThrow(
      /got 0; expected 8 to 1024 pixels/,
    );
    await threads.end();
  });
});

describe('refusals', () => {
  it.each([
    [{ style: 'adventurer' as never, seed: 'x', size: 16 }, 'avatar-style-unknown'],
    [{ style: 'thumbs' as const, seed: 'x', size: 0 }, 'avatar-size'],
    [{ style: 'thumbs' as const, seed: 'x', size: 12.5 }, 'avatar-size'],
  ])('%o', async (request, code) => {
    await expect(drawAvatar(request)).rejects.toMatchObject({ code });
  });
});

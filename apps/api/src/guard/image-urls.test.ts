import { describe, expect, it } from 'vitest';
import { plainUrls, signedUrls } from './image-urls.ts';

const HOUR = 3_600_000;
const sha256 = 'ab'.repeat(32);
const secret = Buffer.from('s'.repeat(32));

/** Path and query of a URL of an image. */
function split(url: string): [string, Record<string, string>] {
  const { pathname, searchParams } = new URL(url, 'http://localhost');
  return [/^\/images\/(.+)\.png$/.exec(pathname)![1]!, Object.fromEntries(searchParams)];
}

describe('signed URLs', () => {
  const at = (hours: number, of = secret) => signedUrls(of, () => hours * HOUR);

  it('stay the same for twelve hours, and are good for twelve to twenty-four', () => {
    const url = at(24).of(sha256);
    expect(at(35.99).of(sha256)).toBe(url);
    expect(at(35.99).period()).toBe(at(24).period());
    expect(at(36).of(sha256)).not.toBe(url);
    expect(at(36).period()).not.toBe(at(24).period());
    expect(at(24).admit(...split(url))).toEqual({ cacheControl: `private, max-age=${24 * 3600}, immutable` });
    expect(at(47.5).admit(...split(url))).toEqual({ cacheControl: 'private, max-age=1800, immutable' });
    expect(at(48).admit(...split(url))).toMatchObject({ status: 403, error: { code: 'image-url-expired' } });
  });

  it('are those of every replica of the same secret, and of no other', () => {
    const parts = split(at(0).of(sha256));
    expect(at(1, Buffer.from('s'.repeat(32))).admit(...parts)).toHaveProperty('cacheControl');
    expect(at(1, Buffer.from('t'.repeat(32))).admit(...parts)).toMatchObject({ error: { code: 'image-url-invalid' } });
  });

  it('are refused with anything changed, left out or longer', () => {
    const [name, { expires, signature }] = split(at(0).of(sha256)) as [string, { expires: string; signature: string }];
    const refusalOf = (of: string, query: Record<string, unknown>) => at(0).admit(of, query);
    for (const query of [
      { expires: String(Number(expires) + 1), signature },
      { expires: `0${expires}`, signature },
      { expires: [expires, expires], signature },
      { expires, signature: `${signature.slice(0, -2)}AA` },
      { expires, signature: signature.slice(0, -2) },
      { expires, signature: `${signature}AAAA` },
      { expires, signature: '' },
      { expires },
      { signature },
    ]) {
      expect(refusalOf(name, query)).toMatchObject({ status: 403, error: { code: 'image-url-invalid' } });
    }
    expect(refusalOf('cd'.repeat(32), { expires, signature })).toMatchObject({ status: 403 });
    expect(refusalOf(name, {})).toMatchObject({ status: 401, error: { code: 'image-url-unsigned' } });
  });
});

it('are plain where no keys are needed, and kept for a year', () => {
  expect(plainUrls().of(sha256)).toBe(`/images/${sha256}.png`);
  expect(plainUrls().admit(sha256, {})).toEqual({ cacheControl: 'public, max-age=31536000, immutable' });
});

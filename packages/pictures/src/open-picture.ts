import { TesseraError, type ErrorParts } from '@tessera/errors';
import sharp, { type Metadata, type Sharp } from 'sharp';

/** A picture file of somebody else's: looked at, not yet decoded. */
export interface Picture {
  readonly bytes: Uint8Array;
  /** In pixels, as it is meant to be seen: cameras note a turn. */
  readonly height: number;
  readonly width: number;
  /** Whether it may have transparent parts. */
  readonly alpha: boolean;
}

/** More than a camera's photograph has; decoded it takes 128 MiB for a moment. */
const MOST_PIXELS = 2 ** 25;
const MOST_SECONDS = 20;

/** How each format begins, and what may follow where. */
const beginnings: readonly (readonly { readonly at: number; readonly text: string }[])[] = [
  [{ at: 0, text: '\x89PNG\r\n\x1a\n' }],
  [{ at: 0, text: '\xff\xd8\xff' }],
  [
    { at: 0, text: 'RIFF' },
    { at: 8, text: 'WEBP' },
  ],
];

/**
 * Looks at the head of a PNG, JPEG or WebP file. `who` names the file in errors.
 * @throws TesseraError `picture-format`, `picture-animated`, `picture-too-large`, `picture-broken`
 */
export async function openPicture(bytes: Uint8Array, who: string): Promise<Picture> {
  if (!isPicture(bytes)) {
    const got = bytes.length === 0 ? 'no bytes' : 'bytes of another kind';
    refuse({ code: 'picture-format', who, got, expected: 'a PNG, JPEG or WebP file', next: 'Convert it first.' });
  }
  const { autoOrient, pages = 1, hasAlpha } = await head(bytes, who);
  const { width, height } = autoOrient;
  if (pages > 1) {
    const next = 'Take one of its frames.';
    refuse({ code: 'picture-animated', who, got: `a film of ${pages} frames`, expected: 'a single picture', next });
  }
  if (width * height > MOST_PIXELS) {
    const got = `a picture of ${width} x ${height} pixels`;
    const expected = `at most ${MOST_PIXELS} pixels`;
    refuse({ code: 'picture-too-large', who, got, expected, next: 'Scale it down first.' });
  }
  return { bytes, height, width, alpha: hasAlpha };
}

/** A pipeline on the picture's pixels, upright. Run it by `decoded`. */
export function pipelineOf({ bytes }: Picture): Sharp {
  return sharp(bytes, { failOn: 'error', limitInputPixels: MOST_PIXELS })
    .autoOrient()
    .timeout({ seconds: MOST_SECONDS });
}

/** What a pipeline gives. @throws TesseraError `picture-broken` */
export async function decoded<T>(result: Promise<T>, who: string): Promise<T> {
  try {
    return await result;
  } catch (cause) {
    throw broken(who, cause);
  }
}

function isPicture(bytes: Uint8Array): boolean {
  const start = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(16, bytes.length)).toString('latin1');
  return beginnings.some((parts) => parts.every(({ at, text }) => start.startsWith(text, at)));
}

/** Reads no pixels, so no size is too large for it. */
async function head(bytes: Uint8Array, who: string): Promise<Metadata> {
  return decoded(sharp(bytes, { failOn: 'error', limitInputPixels: false }).metadata(), who);
}

function broken(who: string, cause: unknown): TesseraError {
  const words = (cause instanceof Error ? cause.message : String(cause)).trim().split('\n')[0];
  const got = `a picture that cannot be decoded (${words})`;
  const next = 'Open and save it anew with another program.';
  return new TesseraError({ code: 'picture-broken', who, got, expected: 'a whole one', next, cause });
}

function refuse(parts: ErrorParts): never {
  throw new TesseraError(parts);
}

import { TesseraError, type ErrorParts } from '@tessera/errors';
import sharp, { type Metadata, type Sharp, type SharpOptions } from 'sharp';
import { isBmp, readBmp } from './bmp.ts';

/** A picture file whose head was read; its pixels are not decoded yet. */
export interface Picture {
  /** A pipeline on its pixels, upright. Run it by `decoded`. */
  readonly pipeline: () => Sharp;
  /** In pixels, after the rotation that a camera recorded. */
  readonly height: number;
  readonly width: number;
  /** Whether it may have transparent parts. */
  readonly alpha: boolean;
}

/** Pixels of a picture of somebody else: more than a photograph of a camera has; decoded it takes 128 MiB for a moment. */
const MOST_PIXELS = 2 ** 25;
const MOST_SECONDS = 20;

/** How files of each format begin: text at a place. */
const beginnings: readonly (readonly { readonly at: number; readonly text: string }[])[] = [
  [{ at: 0, text: '\x89PNG\r\n\x1a\n' }],
  [{ at: 0, text: '\xff\xd8\xff' }],
  [
    { at: 0, text: 'RIFF' },
    { at: 8, text: 'WEBP' },
  ],
];

/**
 * Reads the head of a PNG, JPEG or WebP file of somebody else. `who` names the file in errors.
 * @throws TesseraError `picture-format`, `picture-animated`, `picture-too-large`, `picture-broken`
 */
export async function openPicture(bytes: Uint8Array, who: string): Promise<Picture> {
  if (!isPicture(bytes)) {
    const expected = 'a PNG, JPEG or WebP file';
    refuseOther(bytes, who, expected);
    refuse({ code: 'picture-format', who, got: 'bytes of another kind', expected, next: 'Convert it first.' });
  }
  const metadata = await head(bytes, who);
  const { pages = 1, autoOrient } = metadata;
  if (pages > 1) {
    const next = 'Take one of its frames.';
    refuse({
      code: 'picture-animated',
      who,
      got: `an animation of ${pages} frames`,
      expected: 'a single picture',
      next,
    });
  }
  if (autoOrient.width * autoOrient.height > MOST_PIXELS) {
    const got = `a picture of ${autoOrient.width} x ${autoOrient.height} pixels`;
    const expected = `at most ${MOST_PIXELS} pixels`;
    refuse({ code: 'picture-too-large', who, got, expected, next: 'Scale it down first.' });
  }
  const options: SharpOptions = { failOn: 'error', limitInputPixels: MOST_PIXELS };
  return pictureOf(metadata, () => sharp(bytes, options).autoOrient().timeout({ seconds: MOST_SECONDS }), who);
}

/**
 * Reads the head of a file of one's own: all formats that sharp reads, and bitmaps. Of an animation or a file of several
 * pages it takes the first picture. `who` names the file in errors.
 * @throws TesseraError `picture-broken`, `picture-depth`
 */
export async function openOwnPicture(bytes: Uint8Array, who: string): Promise<Picture> {
  refuseOther(bytes, who, 'a picture');
  if (isBmp(bytes)) {
    const { data, height, width, channels } = readBmp(bytes, who);
    return { pipeline: () => sharp(data, { raw: { height, width, channels } }), height, width, alpha: channels === 4 };
  }
  return pictureOf(await head(bytes, who), () => sharp(bytes, { failOn: 'error' }).autoOrient(), who);
}

/** Refuses what often has the name of a picture and is none. */
function refuseOther(bytes: Uint8Array, who: string, expected: string): void {
  const start = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(60, bytes.length)).toString('latin1');
  const refuseAs = (got: string, next: string) => refuse({ code: 'picture-format', who, got, expected, next });
  if (bytes.length === 0) refuseAs('no bytes', 'Copy it again.');
  if (start.startsWith('version https://git-lfs.')) refuseAs('a pointer of Git LFS', 'Fetch it: git lfs pull.');
  if (/^\s*<(!doctype html|html)/i.test(start)) refuseAs('a web page', 'Download the picture itself.');
}

/** Suffixes of the files that `openOwnPicture` reads, in lower case, with their dots. */
export function pictureSuffixes(): ReadonlySet<string> {
  const formats = Object.values(sharp.format).filter(({ input }) => input.buffer);
  return new Set(['.bmp', ...formats.flatMap(({ input }) => input.fileSuffix ?? [])]);
}

/** The result of a pipeline. @throws TesseraError `picture-broken` */
export async function decoded<T>(result: Promise<T>, who: string): Promise<T> {
  try {
    return await result;
  } catch (cause) {
    throw broken(who, cause);
  }
}

function pictureOf({ autoOrient, hasAlpha, depth }: Metadata, pipeline: () => Sharp, who: string): Picture {
  if (depth !== 'uchar' && depth !== 'ushort') {
    const next = 'Save it as PNG: only you know which values are black and white.';
    refuse({
      code: 'picture-depth',
      who,
      got: `pixels of the type ${depth}`,
      expected: '8 or 16 bits a channel',
      next,
    });
  }
  return { pipeline, height: autoOrient.height, width: autoOrient.width, alpha: hasAlpha };
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
  const words = (cause instanceof Error ? cause.message : String(cause)).trim().split('\n')[0]!.replace(/:$/, '');
  const got = `a picture that cannot be decoded${/^unknown error$/i.test(words) ? '' : ` (${words})`}`;
  const next = 'Open and save it again with another program.';
  return new TesseraError({ code: 'picture-broken', who, got, expected: 'a whole one', next, cause });
}

function refuse(parts: ErrorParts): never {
  throw new TesseraError(parts);
}

/** Pixels of the shorter edge of a stored picture, at most: no model makes larger images. */
const EDGE = 1024;

/** A picture that is safe to store and to show to others. */
interface StoredPicture {
  readonly png: Buffer;
  readonly height: number;
  readonly width: number;
}

/**
 * Decodes a file of somebody else and writes its pixels to a new PNG: upright, sRGB of 8 bits, without anything else that
 * the file held (places, names, other formats behind its end). Pixels are exact up to 1024 on the shorter edge; larger
 * pictures are scaled down. Runs on threads of libvips.
 * @throws TesseraError as `openPicture`
 */
export async function keepPicture(bytes: Uint8Array, who: string): Promise<StoredPicture> {
  const picture = await openPicture(bytes, who);
  const pipeline = picture
    .pipeline()
    .pipelineColourspace('srgb')
    .resize(EDGE, EDGE, { fit: 'outside', withoutEnlargement: true })
    .toColourspace('srgb')
    .png();
  const { data, info } = await decoded(pipeline.toBuffer({ resolveWithObject: true }), who);
  return { png: data, height: info.height, width: info.width };
}

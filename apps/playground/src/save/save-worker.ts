import { zipSync } from 'fflate';
import { applyPalette, GIFEncoder, quantize } from 'gifenc';

/* Packs and encodes beside the page. */

export interface Frame {
  /** Which of the files. */
  readonly file: number;
  readonly columns: number;
  readonly rows: number;
  /** Which of its pictures, counted row by row. */
  readonly index: number;
}

export type SaveJob =
  | { readonly kind: 'zip'; readonly files: readonly { readonly name: string; readonly bytes: Uint8Array }[] }
  /** The last frame gives the size. */
  | { readonly kind: 'gif'; readonly files: readonly Uint8Array[]; readonly frames: readonly Frame[] };

export type SaveAnswer = { readonly bytes: Uint8Array } | { readonly message: string };

/** A picture of 32 pixels can hardly be seen. */
const LEAST_SIDE = 256;
/** All steps together, and the picture at the end. */
const STEPS_MS = 2400;
const LAST_MS = 1800;

self.onmessage = ({ data }: MessageEvent<SaveJob>) => {
  const made = data.kind === 'zip' ? Promise.resolve(zip(data.files)) : gif(data);
  made.then(
    (bytes) => answer({ bytes }),
    ({ message }: Error) => answer({ message: `The file could not be made: ${message}` }),
  );
};

function answer(message: SaveAnswer): void {
  self.postMessage(message);
}

/** PNG is packed already. */
function zip(files: Extract<SaveJob, { kind: 'zip' }>['files']): Uint8Array {
  return zipSync(Object.fromEntries(files.map(({ name, bytes }) => [name, bytes])), { level: 0 });
}

async function gif({ files, frames }: Extract<SaveJob, { kind: 'gif' }>): Promise<Uint8Array> {
  const pictures = await Promise.all(files.map((bytes) => createImageBitmap(new Blob([new Uint8Array(bytes)]))));
  const last = pictures[frames.at(-1)!.file]!;
  const times = Math.max(1, Math.ceil(LEAST_SIDE / last.width));
  const [width, height] = [last.width * times, last.height * times];
  const context = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true })!;
  context.imageSmoothingEnabled = false;
  const encoder = GIFEncoder();
  const stepMs = Math.min(400, Math.max(60, Math.round(STEPS_MS / frames.length)));
  frames.forEach(({ file, columns, rows, index }, i) => {
    const picture = pictures[file]!;
    const [w, h] = [picture.width / columns, picture.height / rows];
    context.drawImage(picture, (index % columns) * w, Math.floor(index / columns) * h, w, h, 0, 0, width, height);
    const { data } = context.getImageData(0, 0, width, height);
    const palette = quantize(data, 256);
    const delay = i === frames.length - 1 ? LAST_MS : stepMs;
    encoder.writeFrame(applyPalette(data, palette), width, height, { palette, delay });
  });
  encoder.finish();
  return encoder.bytes();
}

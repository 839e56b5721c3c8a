import { TesseraError } from '@tessera/errors';
import type { ByteSource } from '../byte-source.ts';
import type { Checkpoint } from '../checkpoint.ts';
import { unknownTensor } from '../torch/torch-checkpoint.ts';
import { parseHeader } from './header.ts';

/** As in the format's own library. */
const largestHeader = 100_000_000;
const lengthSize = 8;

/** @throws safetensors-malformed, safetensors-dtype, safetensors-offsets, checkpoint-truncated */
export async function safetensorsCheckpoint(source: ByteSource): Promise<Checkpoint> {
  const length = Number(new DataView((await source.read(0, lengthSize)).buffer).getBigUint64(0, true));
  if (length > largestHeader) throw malformed(source, `a header of ${length} bytes`, `at most ${largestHeader}`);
  const start = lengthSize + length;
  const json = decode(source, await source.read(lengthSize, length));
  const { tensors, metadata } = parseHeader(source.path, json, { start, size: source.size - start });
  return {
    path: source.path,
    format: 'safetensors',
    tensors,
    values: metadata,
    leftOut: [],
    read: async (name) => {
      const location = tensors.get(name)?.location;
      if (!location) throw unknownTensor(source.path, name);
      return source.read(location.offset, location.byteLength);
    },
    close: () => source.close(),
  };
}

function decode(source: ByteSource, bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw malformed(source, 'a header that is not UTF-8', 'a safetensors header', cause);
  }
}

function malformed({ path }: ByteSource, got: string, expected: string, cause?: unknown): TesseraError {
  return new TesseraError({ code: 'safetensors-malformed', who: path, got, expected, cause });
}

import { TesseraError } from '@tessera/errors';
import type { ByteSource } from '../byte-source.ts';
import type { Checkpoint, TensorEntry } from '../checkpoint.ts';
import { bytesPerElement, bytesPerNumber, elementCount } from '../dtype.ts';
import { flatten } from './flatten.ts';
import { runsCode } from './runs-code.ts';
import { gatherView, isContiguous, spanOf, swapBytes, type TensorView } from './tensor-view.ts';
import type { TorchFile } from './torch-file.ts';

/** A checkpoint over a PyTorch file; every storage is checked to be there before any is read. */
export function torchCheckpoint(source: ByteSource, file: TorchFile, format: 'torch-zip' | 'torch-legacy'): Checkpoint {
  const { tensors, values, unknown, standIns } = flatten(file.root, source.path);
  const nowhere = [...file.met].filter((what) => !standIns.has(what)).map((what) => ['', what] as const);
  const entries = new Map<string, TensorEntry>();
  for (const [name, view] of tensors) entries.set(name, describe(name, view, file));
  return {
    path: source.path,
    format,
    tensors: entries,
    values,
    leftOut: [...unknown, ...nowhere].map(([name, what]) => ({ name, what, runsCode: runsCode(what) })),
    read: async (name) => {
      const view = tensors.get(name);
      if (view === undefined) throw unknownTensor(source.path, name);
      return readView(source, file, view);
    },
    close: () => source.close(),
  };
}

export function unknownTensor(who: string, name: string): TesseraError {
  return new TesseraError({
    code: 'tensor-unknown',
    who,
    got: `the name ${JSON.stringify(name)}`,
    expected: 'the name of a tensor in this file',
  });
}

function describe(name: string, view: TensorView, file: TorchFile): TensorEntry {
  const { dtype } = view;
  const size = bytesPerElement(dtype);
  const start = file.locate(view.storage);
  const plain = isContiguous(view) && (!file.bigEndian || bytesPerNumber(dtype) === 1);
  return {
    name,
    dtype,
    shape: view.shape,
    location: plain ? { offset: start + view.offset * size, byteLength: elementCount(view.shape) * size } : null,
  };
}

async function readView(source: ByteSource, file: TorchFile, view: TensorView): Promise<Uint8Array<ArrayBuffer>> {
  const size = bytesPerElement(view.dtype);
  const start = file.locate(view.storage) + view.offset * size;
  const span = spanOf(view);
  const bytes = span === 0 ? new Uint8Array(0) : await source.read(start, span * size);
  if (file.bigEndian) swapBytes(bytes, bytesPerNumber(view.dtype));
  return isContiguous(view) ? bytes : gatherView(view, bytes, size);
}

import { TesseraError } from '@tessera/errors';
import { bytesPerElement, type DType } from '../dtype.ts';
import { malformed } from '../pickle/pickle-error.ts';
import { kindOf, type PickleValue } from '../pickle/value.ts';
import { elementType } from './allow-list.ts';
import { byteLengthOf, spanOf, type Storage, type TensorView } from './tensor-view.ts';

/** An expanded view may be larger than its storage, but not by so much that a small file fills the memory. */
const largestExpansion = 1 << 22;

/**
 * A tensor of its storage's type. `args` begin with storage, offset, shape and strides.
 * @throws pickle-malformed, tensor-out-of-bounds, tensor-too-large
 */
export function makeTensor(who: string, args: readonly PickleValue[]): TensorView {
  const [storage] = args;
  const dtype = isStorage(storage) ? storage.dtype : null;
  if (dtype === null) throw malformed(who, 'a tensor over a storage without a type', 'a type');
  return view(who, args, dtype);
}

/** The same of a named type; null for a type that is not read. */
export function makeTypedTensor(who: string, args: readonly PickleValue[], type: string): TensorView | null {
  const dtype = elementType(type);
  return dtype === undefined ? null : view(who, args, dtype);
}

function view(who: string, [storage, offset, shape, strides]: readonly PickleValue[], dtype: DType): TensorView {
  const ok = isStorage(storage) && isCount(offset) && isShape(shape) && isShape(strides);
  if (!ok || shape.length !== strides.length || shape.length > 64) {
    throw malformed(who, 'a tensor without storage, offset, shape and strides', 'all four');
  }
  const made: TensorView = { kind: 'tensor', storage, dtype, offset, shape, strides };
  checkBounds(who, made);
  return made;
}

function checkBounds(who: string, tensor: TensorView): void {
  const { storage, dtype, offset, shape } = tensor;
  const span = spanOf(tensor);
  const elements = Math.floor(byteLengthOf(storage) / bytesPerElement(dtype));
  if (span > 0 && offset + span > elements) {
    throw new TesseraError({
      code: 'tensor-out-of-bounds',
      who,
      got: `a tensor [${shape.join(', ')}] that ends at element ${offset + span} of storage ${storage.key}`,
      expected: `at most ${elements} elements`,
    });
  }
  const count = shape.reduce((product, side) => product * side, 1);
  if (count > span && count > largestExpansion) {
    throw new TesseraError({
      code: 'tensor-too-large',
      who,
      got: `an expanded tensor [${shape.join(', ')}] over ${span} elements`,
      expected: `at most ${largestExpansion} elements`,
      next: 'Save a contiguous copy of it instead.',
    });
  }
}

function isStorage(value: PickleValue | undefined): value is Storage {
  return value !== undefined && kindOf(value) === 'storage';
}

function isCount(value: PickleValue | undefined): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function isShape(value: PickleValue | undefined): value is number[] {
  return Array.isArray(value) && value.every(isCount);
}

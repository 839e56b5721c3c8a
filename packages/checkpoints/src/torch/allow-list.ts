import { isDType, type DType } from '../dtype.ts';

/** Classes and functions of PyTorch's pickles by their full names, as `torch.load(weights_only=True)` has them. */
const kinds: Readonly<Record<string, DType>> = {
  Double: 'float64',
  Float: 'float32',
  Half: 'float16',
  BFloat16: 'bfloat16',
  Long: 'int64',
  Int: 'int32',
  Short: 'int16',
  Char: 'int8',
  Byte: 'uint8',
  Bool: 'bool',
  ComplexDouble: 'complex128',
  ComplexFloat: 'complex64',
  // What lies in the storages of quantised tensors.
  QInt8: 'int8',
  QInt32: 'int32',
  QUInt8: 'uint8',
  QUInt4x2: 'uint8',
  QUInt2x4: 'uint8',
};

/** The type of a storage's elements, or null for bare bytes; undefined for what names no storage. */
export function storageType(global: string): DType | null | undefined {
  if (global === 'torch.storage.UntypedStorage') return null;
  const [, kind] = /^torch\.(?:cuda\.)?([A-Za-z0-9]+)Storage$/.exec(global) ?? [];
  return kind !== undefined && Object.hasOwn(kinds, kind) ? kinds[kind] : undefined;
}

/** The element type that a `torch.dtype` names; undefined for those that Tessera does not read. */
export function elementType(global: string): DType | undefined {
  const name = global.replace(/^torch\./, '');
  return name !== global && isDType(name) ? name : undefined;
}

/** What may be named, and means only itself: element types, layouts of quantisation, classes of tensors. */
const words: readonly RegExp[] = [
  /^torch\.(float(64|32|16)|bfloat16|float8_\w+|float4_\w+|b?complex(32|64|128)|u?int\d\d?|bool|bits\w+|q(u)?int\w+)$/,
  /^torch\.per_(tensor|channel)_(affine|symmetric|affine_float_qparams)$/,
  /^torch\.(cuda\.)?(sparse\.)?(BFloat16|Bool|Byte|Char|Double|Float|Half|Int|Long|Short)Tensor$/,
  /^torch\.Tensor$/,
  /^torch\.storage\.TypedStorage$/,
];

export function isWord(global: string): boolean {
  return storageType(global) !== undefined || words.some((word) => word.test(global));
}

import { readdirSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { TesseraError } from '@tessera/errors';

/** A safetensors file of recorded values. Every tensor read is new, on the active backend, and the caller's to dispose. */
export interface Golden {
  readonly metadata: Readonly<Record<string, string>>;
  readonly names: readonly string[];
  shape(name: string): readonly number[];
  /** Floats of 16 bits come widened. */
  numbers(name: string): Float32Array | Int32Array;
  /** Of a tensor recorded in float64. */
  doubles(name: string): Float64Array;
  tensor(name: string): tf.Tensor;
  /** An image or map recorded as NCHW, turned to NHWC. */
  image(name: string): tf.Tensor4D;
}

interface Entry {
  readonly dtype: string;
  readonly shape: number[];
  readonly data_offsets: readonly [number, number];
}

const cases = new URL('../cases/', import.meta.url);

/**
 * Opens a case by its name without ending, as in `var_tiny_tf` or `weights/var_tiny`, or any file like one by its URL.
 *
 * @throws TesseraError `golden-tensor-missing`, `golden-dtype` from its readers
 */
export function readGolden(file: string | URL): Golden {
  const url = typeof file === 'string' ? new URL(`${file}.safetensors`, cases) : file;
  const who = basename(url.pathname);
  const bytes = readFileSync(url);
  const start = 8 + Number(bytes.readBigUInt64LE(0));
  const { __metadata__: metadata = {}, ...entries } = JSON.parse(bytes.toString('utf8', 8, start));
  const entry = (name: string): Entry => {
    if (name in entries) return entries[name];
    throw new TesseraError({ code: 'golden-tensor-missing', who, got: `no tensor ${name}`, expected: 'one' });
  };
  const refuse = (name: string, expected: string): never => {
    throw new TesseraError({ code: 'golden-dtype', who, got: `${name} of ${entry(name).dtype}`, expected });
  };
  const bytesOf = (name: string): ArrayBuffer => {
    const [from, to] = entry(name).data_offsets;
    return Uint8Array.from(bytes.subarray(start + from, start + to)).buffer;
  };
  const numbers = (name: string): Float32Array | Int32Array => {
    const { dtype } = entry(name);
    const raw = bytesOf(name);
    if (dtype === 'F32') return new Float32Array(raw);
    if (dtype === 'I32') return new Int32Array(raw);
    if (dtype === 'F16') return Float32Array.from(new Uint16Array(raw), widen);
    return refuse(name, 'F32, F16 or I32');
  };
  const tensor = (name: string): tf.Tensor =>
    tf.tensor(numbers(name), entry(name).shape, entry(name).dtype === 'I32' ? 'int32' : 'float32');
  return {
    metadata,
    names: Object.keys(entries),
    shape: (name) => entry(name).shape,
    numbers,
    doubles: (name) => (entry(name).dtype === 'F64' ? new Float64Array(bytesOf(name)) : refuse(name, 'F64')),
    tensor,
    image: (name) => tf.tidy(() => tf.transpose(tensor(name) as tf.Tensor4D, [0, 2, 3, 1])),
  };
}

/** Names of the cases that begin so, for `readGolden`. */
export function goldenNames(prefix: string): string[] {
  const files = readdirSync(cases).filter((name) => name.startsWith(prefix) && name.endsWith('.safetensors'));
  return files.map((name) => basename(name, '.safetensors')).toSorted();
}

/** A finite IEEE half to a number. */
function widen(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 31;
  const fraction = half & 1023;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15));
}

import {
  isStoredAsBytes,
  type BuiltProgram,
  type Device,
  type DeviceNumbers,
  type LoweredWeight,
  type Numbers,
  type Port,
  type TypedArray,
} from '@tessera/engine/target';
import { TesseraError } from '@tessera/errors';
import type { InferenceSession, Tensor, TensorConstructor } from 'onnxruntime-common';
import type { OnnxModel } from './builder.ts';
import { modelProto, type TensorData } from './model-proto.ts';

/*
 * What every build of ONNX Runtime has in common, in Node as in the browser: sessions, and tensors whose numbers lie in
 * memory.
 */

/** Numbers in a tensor of ONNX Runtime. Its device is memory: reading them copies nothing. */
export class OrtNumbers implements DeviceNumbers {
  readonly device: Device;
  readonly tensor: Tensor;

  constructor(tensor: Tensor, device: Device) {
    this.tensor = tensor;
    this.device = device;
  }

  async read(): Promise<TypedArray> {
    return this.readSync();
  }

  readSync(): TypedArray {
    return this.tensor.data as TypedArray;
  }

  release(): void {
    // The memory is freed with its last reader.
  }
}

/** Wraps numbers for a run, without a copy. */
export function ortNumbers(
  { data, dtype, shape }: Numbers,
  { Tensor, device }: { readonly Tensor: TensorConstructor; readonly device: Device },
): OrtNumbers {
  return new OrtNumbers(new Tensor(dtype, data as Float32Array, shape), device);
}

export interface SessionOf {
  /** For errors. */
  readonly name: string;
  readonly model: OnnxModel;
  /** Where the weights are: in the model, or outside of it. */
  readonly weights: readonly TensorData[];
  readonly device: Device;
  /** Makes a session of the bytes of an ONNX model. */
  open(bytes: Uint8Array): Promise<InferenceSession>;
}

/**
 * A program of a lowered graph, run by a session of its own.
 * @throws TesseraError `program-rejected` if ONNX Runtime does not take the model
 */
export async function sessionProgram({ name, model, weights, device, open }: SessionOf): Promise<BuiltProgram> {
  const constants = [...model.constants.values()].map(({ data, ...rest }) => ({ ...rest, data: bytesOf(data) }));
  const bytes = modelProto({ ...model, initializers: [...constants, ...weights], outputs: once(model.outputs) });
  const session = await explain(name, 'program-rejected', () => open(bytes));
  return {
    async run(feeds, into = []) {
      const named = Object.fromEntries(model.inputs.map((port, i) => [port.name, tensorOf(feeds[i]!)]));
      // Results with numbers in `into` are written to their memory, without an allocation.
      const wanted = Object.fromEntries(
        model.outputs.map(({ name: port }, i) => [port, into[i] ? tensorOf(into[i]) : null]),
      );
      const results = await explain(name, 'program-failed', () => session.run(named, wanted));
      return model.outputs.map((port, i) => into[i] ?? new OrtNumbers(results[port.name]!, device));
    },
    release: () => session.release(),
  };
}

function tensorOf(numbers: DeviceNumbers): Tensor {
  return (numbers as OrtNumbers).tensor;
}

function once(ports: readonly Port[]): Port[] {
  return [...new Map(ports.map((port) => [port.name, port])).values()];
}

/** The type of a weight in ONNX: what tfjs sees as int32 may be stored as bytes. */
export function weightType({ dtype, dataId }: LoweredWeight): TensorData['dtype'] {
  return isStoredAsBytes(dataId) ? 'int8' : dtype;
}

/** The bytes of numbers, without a copy. */
export function bytesOf(data: ArrayBufferView): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

async function explain<T>(who: string, code: string, fn: () => Promise<T>): Promise<T> {
  try {
    return await fn();
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.split('\n')[0]!.slice(0, 300) : String(cause);
    throw new TesseraError({
      code,
      who,
      got: `an error of ONNX Runtime: ${reason}`,
      expected: 'a program that it runs',
      next: 'Run the function with the target eager to see whether it is sound.',
      cause,
    });
  }
}

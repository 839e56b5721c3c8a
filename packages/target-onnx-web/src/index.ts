import type { BuiltProgram, BuildOptions, Device, Target } from '@tessera/engine/target';
import { graphTarget, storedNumbers } from '@tessera/engine/target';
import {
  bytesOf,
  isLoweredWhole,
  lowerGraph,
  ortNumbers,
  sessionProgram,
  weightType,
  type OnnxModel,
} from '@tessera/onnx-graph';
import { env, InferenceSession, Tensor } from 'onnxruntime-web/wasm';

interface OnnxWebOptions {
  /** Where `ort-wasm-simd-threaded.wasm` of the package onnxruntime-web is served, or its bytes. */
  readonly wasm: string | URL | Uint8Array;
  /** More than one needs a page that is isolated from other origins (COOP and COEP). By default one. */
  readonly threads?: number;
}

const MEMORY: Device = { name: 'ONNX Runtime by WebAssembly', inMemory: true };

/** Programs on ONNX Runtime's WebAssembly. It does not train. The settings of the first call hold for the whole page. */
export function onnxWebTarget({ wasm, threads = 1 }: OnnxWebOptions): Target {
  if (wasm instanceof Uint8Array) env.wasm.wasmBinary = wasm.slice().buffer;
  else env.wasm.wasmPaths = { wasm: String(wasm) };
  env.wasm.numThreads = threads;
  return graphTarget({
    name: 'onnx-web',
    device: MEMORY,
    whole: isLoweredWhole,
    lower: (graph) => lowerGraph(graph),
    build: (model, options) => buildProgram(model as OnnxModel, options),
    upload: async (numbers) => ortNumbers(numbers, { Tensor, device: MEMORY }),
  });
}

/** All weights travel inside the model: a page has no files to map. */
function buildProgram(model: OnnxModel, { name, memory }: BuildOptions): Promise<BuiltProgram> {
  const weights = model.weights.map((weight) => {
    const data = bytesOf(storedNumbers(weight.dataId, name));
    return { name: weight.name, dtype: weightType(weight), dims: weight.dims, data };
  });
  const options = { enableCpuMemArena: memory !== 'release', logSeverityLevel: 3 } as const;
  const open = (bytes: Uint8Array) => InferenceSession.create(bytes, options);
  return sessionProgram({ name, model, weights, device: MEMORY, open });
}

import { modelProto } from './model-proto.ts';
import { loadRuntime } from './runtime.ts';

let probing: Promise<number | null> | null = null;

/**
 * Channels per block in ONNX Runtime's own layout for convolutions: 8 with AVX2, 16 with AVX-512. Null where this
 * processor has none. Found by asking: one pixel of four channels comes back as one block.
 */
export function convBlock(): Promise<number | null> {
  probing ??= probe();
  return probing;
}

async function probe(): Promise<number | null> {
  const { InferenceSession, Tensor } = await loadRuntime();
  const port = (name: string) => ({ name, dtype: 'float32' as const });
  const nodes = [{ op: 'ReorderInput', inputs: ['x'], outputs: ['y'], attrs: {}, domain: 'com.microsoft.nchwc' }];
  const inputs = [{ ...port('x'), dims: [1, 4, 1, 1] }];
  try {
    const bytes = modelProto({ nodes, initializers: [], inputs, outputs: [port('y')] });
    const session = await InferenceSession.create(bytes, { logSeverityLevel: 4 });
    const { y } = await session.run({ x: new Tensor('float32', new Float32Array(4), [1, 4, 1, 1]) });
    await session.release();
    const block = y!.dims[1]!;
    return block > 1 ? block : null;
  } catch {
    return null; // a build without these operators
  }
}

import * as tf from '@tensorflow/tfjs';
import type { KernelBackend, KernelConfig, Tensor, TensorInfo } from '@tensorflow/tfjs';
import { readFileSync } from 'node:fs';
import { createRequire, Module } from 'node:module';
import { dirname, join } from 'node:path';
import util from 'node:util';
import { compileFunction } from 'node:vm';
import { readNumbers } from '@tessera/engine/target';
import { requireInstallation } from '@tessera/tensorflow-setup';
import { loadTensorFlow } from './runtime.ts';
import { TFJS } from '@tessera/tensorflow-setup';

const require = createRequire(import.meta.url);
const BACKEND = 'tensorflow';

type NodeBackend = KernelBackend & { readonly tensorMap: { has(dataId: object): boolean } };

/**
 * Makes tfjs' backend `tensorflow` of the kernels in the user's cache, once, and gives its name. They find our copy of
 * tfjs: see `placeStandIns`.
 * @throws TesseraError `tensorflow-missing`, `tensorflow-broken`
 */
export function tensorFlowBackend(threads: number): string {
  if (tf.findBackendFactory(BACKEND)) return BACKEND;
  const binding = loadTensorFlow(threads);
  const kernels = join(requireInstallation().kernels, 'dist');
  leaveOut(join(kernels, 'proto', 'api_pb.js'));
  (globalThis as Record<symbol, unknown>)[Symbol.for(TFJS)] = tf;
  const { NodeJSKernelBackend } = loadWithUtil(join(kernels, 'nodejs_kernel_backend.js')) as {
    NodeJSKernelBackend: new (binding: unknown, name: string) => NodeBackend;
  };
  loadWithUtil(join(kernels, 'kernels', 'TopK.js'));
  tf.registerBackend(BACKEND, () => readingAll(new NodeJSKernelBackend(binding, 'tfjs-node-gpu')), 0);
  require(join(kernels, 'register_all_kernels.js'));
  fixKernels(BACKEND);
  return BACKEND;
}

/** Some kernels read their small arguments themselves, and fail where those lie on another backend. */
function readingAll(backend: NodeBackend): KernelBackend {
  const read = backend.readSync.bind(backend);
  backend.readSync = (dataId) => (backend.tensorMap.has(dataId) ? read(dataId) : readNumbers(dataId, BACKEND));
  return backend;
}

/** Messages for TensorBoard, which are not written here and would need one more package. */
function leaveOut(file: string): void {
  const module = new Module(file);
  module.loaded = true;
  require.cache[file] = module;
}

/** Functions of `util` that tfjs-node-gpu 4.22 calls and Node 23 has removed. */
const REMOVED = {
  isNullOrUndefined: (value: unknown) => value === null || value === undefined,
  isArray: Array.isArray,
};

/** Loads a module of the kernels whose `util` has what Node has removed; `node:util` itself stays as it is. */
function loadWithUtil(file: string): unknown {
  const load = createRequire(file);
  const loadOwn = (name: string): unknown => (name === 'util' ? { ...util, ...REMOVED } : load(name));
  const module = Object.assign(new Module(file), { filename: file, loaded: true });
  const names = ['exports', 'require', 'module', '__filename', '__dirname'];
  const run = compileFunction(readFileSync(file, 'utf8'), names, { filename: file });
  run(module.exports, loadOwn, module, file, dirname(file));
  require.cache[file] = module;
  return module.exports;
}

type Pads = readonly (readonly [before: number, after: number])[];
type Attrs = Readonly<Record<string, unknown>>;
type Inputs = Readonly<Record<string, TensorInfo>>;
type Kernel = (inputs: Inputs, attrs: Attrs) => Tensor;

/**
 * Kernels that tfjs-node-gpu 4.22 refuses though TensorFlow can compute them: convolutions with explicit padding, negative
 * axes. And TensorFlow's Elu, which subtracts 1 from exp(x) and cancels for small x.
 */
function fixKernels(backend: string): void {
  const fixed: Readonly<Record<string, (original: Kernel, inputs: Inputs, attrs: Attrs) => Tensor>> = {
    Conv2D: (original, { x, filter }, attrs) => original({ x: padded(x!, attrs), filter: filter! }, valid(attrs)),
    Conv2DBackpropFilter: (original, { x, dy }, attrs) => original({ x: padded(x!, attrs), dy: dy! }, valid(attrs)),
    Conv2DBackpropInput: (original, inputs, attrs) => {
      const [pads, shape] = [padsOf(attrs['pad']), attrs['inputShape'] as readonly number[]];
      const inputShape = shape.map((size, axis) => pads[axis]![0] + size + pads[axis]![1]);
      const start = pads.map(([before]) => before);
      return tf.slice(original(inputs, { ...valid(attrs), inputShape }), start, [...shape]);
    },
    Elu: (_, { x }) => {
      const least = tf.minimum(x as Tensor, 0);
      return tf.where(tf.greater(x as Tensor, 0), x as Tensor, tf.expm1(least));
    },
    GatherV2: (original, inputs, attrs) => {
      const axis = (attrs['axis'] as number) + inputs['x']!.shape.length;
      return original(inputs, { ...attrs, axis });
    },
  };
  for (const [name, fix] of Object.entries(fixed)) {
    const config = tf.getKernel(name, backend);
    tf.unregisterKernel(name, backend);
    tf.registerKernel(withFix(config, fix));
  }
}

function withFix(config: KernelConfig, fix: (original: Kernel, inputs: Inputs, attrs: Attrs) => Tensor): KernelConfig {
  const kernelFunc: KernelConfig['kernelFunc'] = (args) => {
    const attrs = (args.attrs ?? {}) as Attrs;
    const run: Kernel = (inputs, given) => config.kernelFunc({ ...args, inputs, attrs: given } as never) as Tensor;
    if (typeof attrs['pad'] === 'string' || (attrs['axis'] as number) >= 0) return config.kernelFunc(args);
    return tf.tidy(() => fix(run, args.inputs as Inputs, attrs));
  };
  return { ...config, kernelFunc };
}

function padded(x: TensorInfo, { pad }: Attrs): Tensor {
  return tf.pad(
    x as Tensor,
    padsOf(pad).map(([before, after]) => [before, after]),
  );
}

function valid(attrs: Attrs): Attrs {
  return { ...attrs, pad: 'valid' };
}

/** One pair for each axis of NHWC; a number pads height and width. */
function padsOf(pad: unknown): Pads {
  if (typeof pad !== 'number') return pad as Pads;
  return [[0, 0], [pad, pad], [pad, pad], [0, 0]]; // prettier-ignore
}

import * as tf from '@tensorflow/tfjs';
import type { KernelBackend } from '@tensorflow/tfjs';
import { createRequire, Module } from 'node:module';
import util from 'node:util';
import { join } from 'node:path';
import { readNumbers } from '../trace/tfjs-internals.ts';
import { requireInstallation } from './installation.ts';
import { mendKernels } from './mended-kernels.ts';
import { loadTensorFlow } from './runtime.ts';
import { TFJS } from './stand-ins.ts';

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
  restoreUtil();
  leaveOut(join(kernels, 'proto', 'api_pb.js'));
  (globalThis as Record<symbol, unknown>)[Symbol.for(TFJS)] = tf;
  const { NodeJSKernelBackend } = require(join(kernels, 'nodejs_kernel_backend.js')) as {
    NodeJSKernelBackend: new (binding: unknown, name: string) => NodeBackend;
  };
  tf.registerBackend(BACKEND, () => readingAll(new NodeJSKernelBackend(binding, 'tfjs-node-gpu')), 0);
  require(join(kernels, 'register_all_kernels.js'));
  mendKernels(BACKEND);
  return BACKEND;
}

/** Some kernels read their small arguments themselves, and fail where those lie on another backend. */
function readingAll(backend: NodeBackend): KernelBackend {
  const read = backend.readSync.bind(backend);
  backend.readSync = (dataId) => (backend.tensorMap.has(dataId) ? read(dataId) : readNumbers(dataId, BACKEND));
  return backend;
}

/** Messages for TensorBoard, which would need a package more: nothing here writes them. */
function leaveOut(file: string): void {
  const module = new Module(file);
  module.loaded = true;
  require.cache[file] = module;
}

/** tfjs-node-gpu 4.22 calls two functions that Node 23 has removed. */
function restoreUtil(): void {
  const old = util as unknown as Record<string, unknown>;
  old['isNullOrUndefined'] ??= (value: unknown) => value === null || value === undefined;
  old['isArray'] ??= Array.isArray;
}

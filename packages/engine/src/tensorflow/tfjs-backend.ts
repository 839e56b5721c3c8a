import * as tf from '@tensorflow/tfjs';
import type { KernelBackend } from '@tensorflow/tfjs';
import { readFileSync } from 'node:fs';
import { createRequire, Module } from 'node:module';
import { dirname, join } from 'node:path';
import util from 'node:util';
import { compileFunction } from 'node:vm';
import { readNumbers } from '../trace/tfjs-internals.ts';
import { requireInstallation } from '@tessera/tensorflow-setup';
import { mendKernels } from './mended-kernels.ts';
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

/** What tfjs-node-gpu 4.22 calls of `util` and Node 23 has removed. */
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

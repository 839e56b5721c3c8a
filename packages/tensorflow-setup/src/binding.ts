import { existsSync, mkdirSync, readFileSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { runTool } from './tools.ts';
import { createHash } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { KERNELS, VERSION, type Variant } from './sources.ts';

interface BindingSources {
  readonly compiler: string;
  /** Folders: TensorFlow in the unpacked wheel, the package with the binding's sources, Node's headers. */
  readonly tensorFlow: string;
  readonly kernels: string;
  readonly headers: string;
}

/** Compiles tfjs' N-API binding and our own ops against the wheel's libraries. N-API is stable: one file serves every Node. */
export async function buildBinding(
  { compiler, tensorFlow, kernels, headers }: BindingSources,
  output: string,
): Promise<void> {
  const isMac = process.platform === 'darwin';
  const libraries = ['tensorflow_cc', 'tensorflow_framework'].map((name) => linkable(tensorFlow, name));
  // As system headers, so that the compiler does not warn about them.
  const includes = [join(headers, 'include'), join(tensorFlow, 'include'), kernels].flatMap((path) => [
    '-isystem',
    path,
  ]);
  const sources = [
    ...['tfjs_backend.cc', 'tfjs_binding.cc'].map((name) => join(kernels, 'binding', name)),
    ...ownSources(),
  ];
  await runTool(
    compiler,
    [
      ...FLAGS,
      ...['-DNAPI_VERSION=8', '-DNODE_GYP_MODULE_NAME=tfjs_binding'],
      ...(isMac ? ['-bundle', '-undefined', 'dynamic_lookup'] : ['-shared']),
      ...includes,
      ...sources,
      `-L${tensorFlow}`,
      ...libraries.map((name) => `-l${name}`),
      // Relative to the binding, so that the folder may be moved.
      `-Wl,-rpath,${isMac ? '@loader_path' : '$ORIGIN'}/${relative(dirname(output), tensorFlow)}`,
      '-o',
      output,
    ],
    kernels,
  );
}

/** Wheels name their libraries with a version, `libX.so.2`; linkers want one without. */
function linkable(folder: string, name: string): string {
  const ending = process.platform === 'darwin' ? 'dylib' : 'so';
  const plain = `lib${name}.${ending}`;
  const versioned = readdirSync(folder).find((file) => file.startsWith(`lib${name}.`) && file !== plain);
  if (versioned && !existsSync(join(folder, plain))) symlinkSync(versioned, join(folder, plain));
  return name;
}

const folder = fileURLToPath(new URL('./../ops/', import.meta.url));

/** Without `errno` and traps, loops become vector code. The last two flags are those of the wheel. */
const FLAGS: readonly string[] = [
  ...['-O3', '-fno-math-errno', '-fno-trapping-math', '-fPIC', '-std=c++17'],
  ...['-D_GLIBCXX_USE_CXX11_ABI=1', '-DEIGEN_MAX_ALIGN_BYTES=64'],
];

/** Our own ops of TensorFlow, which become part of the binding. */
function ownSources(): readonly string[] {
  return files()
    .filter((name) => name.endsWith('.cc'))
    .map((name) => join(folder, name));
}

let hash: string | null = null;

/**
 * The file of the binding. Another Tessera has other ops or another TensorFlow, and so another file: clones share the
 * rest of the cache.
 */
export function bindingFile(variant: Variant): string {
  hash ??= hashOfSources();
  return `binding-${variant}-${hash}.node`;
}

/** Sources and headers, without files that an editor leaves beside them. */
function files(): readonly string[] {
  return readdirSync(folder)
    .filter((name) => /^\w+\.(cc|h)$/.test(name))
    .sort();
}

function hashOfSources(): string {
  const contents = files().map((name) => readFileSync(join(folder, name), 'utf8').replaceAll('\r\n', '\n'));
  const made = JSON.stringify([VERSION, KERNELS, FLAGS, contents]);
  return createHash('sha256').update(made).digest('hex').slice(0, 12);
}

interface Verified {
  readonly version: string;
  readonly isOnGpu: boolean;
}

/** A product of two matrices, and one of our own ops on a CPU, in a separate process: a broken library must not end ours. */
const SCRIPT = `
process.env.TF_CPP_MIN_LOG_LEVEL = '3';
process.env.TF_FORCE_GPU_ALLOW_GROWTH = 'true';
const tf = require(process.argv[1]);
const id = tf.createTensor([2, 2], tf.TF_FLOAT, Float32Array.of(1, 2, 3, 4));
const attrs = [{ name: 'T', type: tf.TF_ATTR_TYPE, value: tf.TF_FLOAT }];
const [product] = tf.executeOp('MatMul', attrs, [id, id], 1);
const made = [...tf.tensorDataSync(product.id)].join();
if (made !== '7,10,15,22') throw new Error('a wrong product: ' + made);
const isOnGpu = tf.isUsingGpuDevice();
if (!isOnGpu) {
  const x = tf.createTensor([1, 1, 1, 2], tf.TF_FLOAT, Float32Array.of(1, 3));
  const weight = tf.createTensor([2], tf.TF_FLOAT, Float32Array.of(2, 2));
  const dy = tf.createTensor([1, 1, 1, 2], tf.TF_FLOAT, Float32Array.of(2, 2));
  const own = [
    { name: 'groups', type: tf.TF_ATTR_INT, value: 1 },
    { name: 'eps', type: tf.TF_ATTR_FLOAT, value: 0 },
    { name: 'silu', type: tf.TF_ATTR_BOOL, value: true },
  ];
  // normal is -1, 1, and what SiLU sees 0, 4
  const silu = [0, 4 / (1 + Math.exp(-4))];
  const [y] = tf.executeOp('TesseraGroupNorm', own, [x, weight, weight], 1);
  const [, , dbias] = tf.executeOp('TesseraGroupNormGradients', own, [x, weight, weight, dy], 3);
  const slope = [1, 2 / (1 + Math.exp(-4)) * (1 + 4 / (1 + Math.exp(4)))];
  const numbers = [...tf.tensorDataSync(y.id), ...tf.tensorDataSync(dbias.id)];
  const isRight = [...silu, ...slope].every((wanted, i) => Math.abs(numbers[i] - wanted) < 1e-5);
  if (!isRight) throw new Error('a wrong normalisation: ' + numbers);
}
console.log(JSON.stringify({ version: tf.TF_Version, isOnGpu }));
`;

/** Loads a binding and computes with it. @throws TesseraError `tool-failed` */
export async function verifyBinding(binding: string): Promise<Verified> {
  const said = await runTool(process.execPath, ['-e', SCRIPT, binding], '.');
  return JSON.parse(said.trim().split('\n').at(-1)!) as Verified;
}

/** The key of a global symbol: where the kernels find the copy of tfjs that loads them. */
export const TFJS = 'tessera.tfjs';

/**
 * Puts modules beside the kernels of tfjs-node-gpu that lead to the copy of tfjs in use: the cache serves all clones,
 * and a second copy in one process would break both.
 */
export function placeStandIns(kernels: string): void {
  for (const name of ['tfjs', 'tfjs-core']) {
    const folder = join(kernels, 'node_modules', '@tensorflow', name);
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'index.js'), `module.exports = globalThis[Symbol.for('${TFJS}')];\n`);
  }
}

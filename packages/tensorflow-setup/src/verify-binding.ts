import { runTool } from './run-tool.ts';

export interface Verified {
  readonly version: string;
  readonly isOnGpu: boolean;
}

/** A product of two matrices, and an op of ours where it runs, in a process of its own: a broken library must not take ours down. */
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

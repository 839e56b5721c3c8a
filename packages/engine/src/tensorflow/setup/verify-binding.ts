import { runTool } from './run-tool.ts';

export interface Verified {
  readonly version: string;
  readonly isOnGpu: boolean;
}

/** A product of two matrices, and an op of ours where it runs, in a process of its own: a broken library must not take ours down. */
const SCRIPT = `
process.env.TF_CPP_MIN_LOG_LEVEL = '2';
process.env.TF_FORCE_GPU_ALLOW_GROWTH = 'true';
const tf = require(process.argv[1]);
const id = tf.createTensor([2, 2], tf.TF_FLOAT, Float32Array.of(1, 2, 3, 4));
const attrs = [{ name: 'T', type: tf.TF_ATTR_TYPE, value: tf.TF_FLOAT }];
const [product] = tf.executeOp('MatMul', attrs, [id, id], 1);
const numbers = [...tf.tensorDataSync(product.id)].join();
if (numbers !== '7,10,15,22') throw new Error('a wrong product: ' + numbers);
const isOnGpu = tf.isUsingGpuDevice();
if (!isOnGpu) {
  const x = tf.createTensor([1, 1, 1, 2], tf.TF_FLOAT, Float32Array.of(1, 3));
  const weight = tf.createTensor([2], tf.TF_FLOAT, Float32Array.of(2, 2));
  const own = [
    { name: 'groups', type: tf.TF_ATTR_INT, value: 1 },
    { name: 'eps', type: tf.TF_ATTR_FLOAT, value: 0 },
    { name: 'silu', type: tf.TF_ATTR_BOOL, value: false },
  ];
  const [y] = tf.executeOp('TesseraGroupNorm', own, [x, weight, weight], 1);
  const normal = [...tf.tensorDataSync(y.id)].join();
  if (normal !== '0,4') throw new Error('a wrong normalisation: ' + normal);
}
console.log(JSON.stringify({ version: tf.TF_Version, isOnGpu }));
`;

/** Loads a binding and computes with it. @throws TesseraError `tool-failed` */
export async function verifyBinding(binding: string): Promise<Verified> {
  const said = await runTool(process.execPath, ['-e', SCRIPT, binding], '.');
  return JSON.parse(said.trim().split('\n').at(-1)!) as Verified;
}

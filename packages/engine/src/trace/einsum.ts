import * as tf from '@tensorflow/tfjs';
import type { Tensor } from '@tensorflow/tfjs';
import { TesseraError } from '@tessera/errors';
import { shapeMismatch } from './infer.ts';

/*
 * `tf.einsum` as one product of matrices, which every target has, and its gradient, which tfjs lacks. tfjs' own kernel on the
 * CPU is replaced: of `bij,k->ik` it gives a result of another shape, of `bij,jk->ki` none.
 */

/** Labels of the axes of each operand and of the result. */
interface Equation {
  readonly operands: readonly string[];
  readonly result: string;
}

function read(equation: string, count: number): Equation {
  const parts = /^([a-z]*(?:,[a-z]*)?)->([a-z]*)$/i.exec(equation.replace(/\s/g, ''));
  const operands = parts?.[1]!.split(',') ?? [];
  const result = parts?.[2] ?? '';
  const terms = [...operands, result];
  const isKnown = [...result].every((label) => operands.some((one) => one.includes(label)));
  if (parts && isKnown && operands.length === count && terms.every((one) => new Set(one).size === one.length))
    return { operands, result };
  throw new TesseraError({
    code: 'einsum-equation',
    who: 'einsum',
    got: `the equation ${equation} for ${count} tensors`,
    expected:
      'one or two terms and a result, such as bij,bkj->bik, each with every letter once, and no other in the result',
    next: 'Write it as products of two, or with tf.sum and tf.transpose.',
  });
}

/**
 * What `tf.einsum` computes, by one product of matrices.
 * @throws TesseraError `einsum-equation`, `shape-mismatch`
 */
export function contract(equation: string, tensors: readonly Tensor[]): Tensor {
  const { operands, result } = read(equation, tensors.length);
  const sizes = sizesOf(operands, tensors);
  const [a, b = ''] = operands as [string, string?];
  const arrange = (from: string, to: string, x: Tensor) =>
    tf.transpose(
      x,
      [...to].map((label) => from.indexOf(label)),
    );
  /** Without the axes that neither the other operand nor the result has. */
  const summed = (own: string, other: string, x: Tensor): { labels: string; x: Tensor } => {
    const alone = [...own].filter((label) => !other.includes(label) && !result.includes(label));
    const labels = [...own].filter((label) => !alone.includes(label)).join('');
    return {
      labels,
      x:
        alone.length === 0
          ? x
          : tf.sum(
              x,
              alone.map((label) => own.indexOf(label)),
            ),
    };
  };
  const left = summed(a, b, tensors[0]!);
  if (operands.length === 1) return arrange(left.labels, result, left.x);
  const right = summed(b, a, tensors[1]!);
  const among = (labels: string, isKept: (label: string) => boolean) => [...labels].filter(isKept).join('');
  const batch = among(left.labels, (label) => b.includes(label) && result.includes(label));
  const inner = among(left.labels, (label) => b.includes(label) && !result.includes(label));
  const rows = among(left.labels, (label) => !b.includes(label));
  const columns = among(right.labels, (label) => !a.includes(label));
  const product = (labels: string) => [...labels].reduce((all, label) => all * sizes.get(label)!, 1);
  const matrix = (one: typeof left, [height, width]: readonly [string, string]): Tensor => {
    const shape = [...(batch === '' ? [] : [product(batch)]), product(height), product(width)];
    return tf.reshape(arrange(one.labels, batch + height + width, one.x), shape);
  };
  const made = tf.matMul(matrix(left, [rows, inner]), matrix(right, [inner, columns]));
  const labels = batch + rows + columns;
  const shape = [...labels].map((label) => sizes.get(label)!);
  return arrange(labels, result, tf.reshape(made, shape));
}

/** What runs `tf.einsum` on a backend. */
export function einsumKernel(backendName: string): tf.KernelConfig {
  return {
    kernelName: 'Einsum',
    backendName,
    kernelFunc: ({ inputs, attrs }) =>
      tf.tidy(() => contract(attrs!['equation'] as string, Object.values(inputs) as Tensor[])),
  };
}

/** The size of each label's axes. */
function sizesOf(operands: readonly string[], tensors: readonly Tensor[]): ReadonlyMap<string, number> {
  const sizes = new Map<string, number>();
  for (const [i, labels] of operands.entries()) {
    const { shape } = tensors[i]!;
    if (shape.length !== labels.length)
      throw shapeMismatch('einsum', `a tensor of [${shape}] for ${labels || 'no letter'}`, 'a letter for each axis');
    for (const [axis, label] of [...labels].entries()) {
      const size = sizes.get(label) ?? shape[axis]!;
      if (size !== shape[axis])
        throw shapeMismatch('einsum', `${label} of ${size} and of ${shape[axis]}`, 'one size for each letter');
      sizes.set(label, size);
    }
  }
  return sizes;
}

/** For eager targets and for training; traced programs have the same kernel. */
export function registerEinsum(): void {
  if (tf.getKernel('Einsum', 'cpu')) tf.unregisterKernel('Einsum', 'cpu');
  tf.registerKernel(einsumKernel('cpu'));
  tf.registerGradient({
    kernelName: 'Einsum',
    saveAllInputs: true,
    gradFunc: (dy, saved, { equation }) => {
      const { operands, result } = read(equation as string, saved.length);
      const towards = (i: number) => (): Tensor => {
        const [own, other] = [operands[i]!, operands[1 - i]];
        // Axes that were only summed have the same gradient everywhere.
        const kept = [...own].filter((label) => result.includes(label) || other?.includes(label)).join('');
        const { shape } = saved[i]!;
        const terms = other === undefined ? [result] : [result, other];
        const given = other === undefined ? [dy as Tensor] : [dy as Tensor, saved[1 - i]!];
        const gradient = contract(`${terms.join(',')}->${kept}`, given);
        const spread = [...own].map((label, axis) => (kept.includes(label) ? shape[axis]! : 1));
        return tf.broadcastTo(tf.reshape(gradient, spread), shape);
      };
      return Object.fromEntries(operands.map((_, i) => [i, towards(i)]));
    },
  });
}

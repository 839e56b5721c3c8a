import { Tensor } from '@tensorflow/tfjs';
import { TesseraError } from '@tessera/errors';

/** Tensors, and lists and records of them. Numbers are refused: they would become constants of the graph. */
export type Tree = Tensor | null | readonly Tree[] | { readonly [key: string]: Tree };

/** A tree with the tensors' places in order instead of the tensors. As JSON it is a key. */
export type Skeleton = number | null | readonly Skeleton[] | { readonly [key: string]: Skeleton };

interface FlatTree {
  readonly tensors: readonly Tensor[];
  readonly skeleton: Skeleton;
}

/**
 * Takes the tensors out of a tree, in the order of the tree.
 * @throws TesseraError `not-a-tensor`
 */
export function flatten(tree: unknown, who: string): FlatTree {
  const tensors: Tensor[] = [];
  const walk = (node: unknown): Skeleton => {
    if (node === null) return null;
    if (node instanceof Tensor) return tensors.push(node) - 1;
    if (Array.isArray(node)) return node.map(walk);
    if (typeof node === 'object' && Object.getPrototypeOf(node) === Object.prototype) {
      return Object.fromEntries(Object.entries(node).map(([key, value]) => [key, walk(value)]));
    }
    throw notATensor(node, who);
  };
  return { skeleton: walk(tree), tensors };
}

/** Puts tensors back into their places. */
export function unflatten(skeleton: Skeleton, tensors: readonly Tensor[]): Tree {
  if (skeleton === null) return null;
  if (typeof skeleton === 'number') return tensors[skeleton]!;
  if (Array.isArray(skeleton)) return skeleton.map((node: Skeleton) => unflatten(node, tensors));
  return Object.fromEntries(Object.entries(skeleton).map(([key, node]) => [key, unflatten(node, tensors)]));
}

function notATensor(node: unknown, who: string): TesseraError {
  const got = typeof node === 'object' ? `a ${(node as object).constructor?.name ?? 'strange object'}` : String(node);
  return new TesseraError({
    code: 'not-a-tensor',
    who,
    got,
    expected: 'tensors, null, and lists and records of them',
    next: 'Numbers that change from call to call go in as tensors; those that never change, into the function.',
  });
}

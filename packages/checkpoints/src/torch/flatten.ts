import { TesseraError } from '@tessera/errors';
import type { CheckpointValue } from '../checkpoint.ts';
import type { PickleValue } from '../pickle/value.ts';
import type { TensorView } from './tensor-view.ts';

const deepest = 32;
/** A small pickle can name one dict again and again inside itself; what it unfolds to is bounded. */
const mostNodes = 300_000;

export interface Flat {
  readonly tensors: ReadonlyMap<string, TensorView>;
  readonly values: ReadonlyMap<string, CheckpointValue>;
}

/**
 * Nested dicts, lists and objects as dotted names.
 * @throws checkpoint-too-nested; checkpoint-name-twice when two paths read alike
 */
export function flatten(root: PickleValue, who: string): Flat {
  const tensors = new Map<string, TensorView>();
  const values = new Map<string, CheckpointValue>();
  let nodes = 0;
  const visit = (value: PickleValue, path: readonly string[]): void => {
    if (path.length > deepest || ++nodes > mostNodes) throw tooNested(who, path);
    const name = path.join('.');
    if (value === null || typeof value !== 'object') {
      values.set(name, value);
    } else if ('kind' in value && value.kind === 'tensor') {
      if (tensors.has(name)) throw twice(who, name);
      tensors.set(name, value);
    } else {
      for (const [key, child] of children(value)) visit(child, [...path, String(key)]);
    }
  };
  visit(root, []);
  return { tensors, values };
}

function children(value: PickleValue & object): Iterable<readonly [unknown, PickleValue]> {
  if (value instanceof Map) return value.entries();
  if (Array.isArray(value)) return value.entries();
  if (value instanceof Set) return [...value].entries();
  if ('kind' in value && value.kind === 'instance') return value.attributes.entries();
  return []; // bytes, bare storages and bare classes hold no tensors
}

function tooNested(who: string, path: readonly string[]): TesseraError {
  return new TesseraError({
    code: 'checkpoint-too-nested',
    who,
    got: `more than a checkpoint holds, at ${path.slice(0, 4).join('.').slice(0, 100)}`,
    expected: `at most ${deepest} levels and ${mostNodes} values`,
  });
}

function twice(who: string, name: string): TesseraError {
  return new TesseraError({
    code: 'checkpoint-name-twice',
    who,
    got: `two tensors named ${name}`,
    expected: 'one of each name',
  });
}

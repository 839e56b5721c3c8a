import { TesseraError } from '@tessera/errors';
import type { CheckpointValue } from '../checkpoint.ts';
import { isUnknown, type PickleValue } from '../pickle/value.ts';
import { runsCode } from './runs-code.ts';
import type { TensorView } from './tensor-view.ts';

const deepest = 32;
/** A small pickle can name one dict again and again inside itself; what it unfolds to is bounded. */
const mostNodes = 300_000;

export interface Flat {
  readonly tensors: ReadonlyMap<string, TensorView>;
  readonly values: ReadonlyMap<string, CheckpointValue>;
  /** Objects that were not made, the outermost ones and those that can run code: their classes by path. */
  readonly unknown: ReadonlyMap<string, string>;
  /** Classes of all of them. */
  readonly standIns: ReadonlySet<string>;
}

/** The path of what a file holds as a whole, for people. */
const wholeFile = 'the whole file';

/** Where PyTorch's modules keep what a state dict names without them. */
const moduleParts: ReadonlySet<unknown> = new Set(['_modules', '_parameters', '_buffers']);

/**
 * Nested dicts, lists and objects as dotted names. Of an object that was not made, the tensors inside it are kept, under
 * the names that they have in a state dict where it is a PyTorch module; its plain values are not.
 * @throws checkpoint-too-nested; checkpoint-name-twice when two paths read alike
 */
export function flatten(root: PickleValue, who: string): Flat {
  const tensors = new Map<string, TensorView>();
  const values = new Map<string, CheckpointValue>();
  const unknown = new Map<string, string>();
  const standIns = new Set<string>();
  const seen = new Set<PickleValue & object>();
  let nodes = 0;
  const visit = (value: PickleValue, path: readonly string[], inside: boolean): void => {
    if (path.length > deepest || ++nodes > mostNodes) throw tooNested(who, path);
    const name = path.join('.');
    if (value === null || typeof value !== 'object') {
      if (!inside) values.set(name, value);
    } else if ('kind' in value && value.kind === 'tensor') {
      if (tensors.has(name)) throw twice(who, name);
      tensors.set(name, value);
    } else if ('kind' in value && value.kind === 'global') {
      if (!inside) values.set(name, value.name);
    } else if (inside && seen.has(value)) {
      return; // objects point at each other in circles
    } else {
      const hidden = isUnknown(value);
      if (hidden) standIns.add(value.name);
      if (hidden && (!inside || runsCode(value.name))) unknown.set(name || wholeFile, value.name);
      if (hidden || inside) seen.add(value);
      for (const [key, child] of children(value)) {
        const skipped = (hidden || inside) && moduleParts.has(key);
        visit(child, skipped ? path : [...path, String(key)], hidden || inside);
      }
    }
  };
  visit(root, [], false);
  return { tensors, values, unknown, standIns };
}

function children(value: PickleValue & object): Iterable<readonly [unknown, PickleValue]> {
  if (value instanceof Map) return value.entries();
  if (Array.isArray(value)) return value.entries();
  if (value instanceof Set) return [...value].entries();
  if (!('kind' in value)) return []; // bytes hold no tensors
  if (value.kind === 'instance') return value.attributes.entries();
  if (value.kind === 'unknown') return [...value.parts.entries(), ...value.items.entries()];
  return []; // nor do bare storages and bare classes
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

import { TesseraError } from '@tessera/errors';
import type { Environment } from '../pickle/machine.ts';
import { malformed } from '../pickle/pickle-error.ts';
import { isUnknown, kindOf, type Global, type PickleValue, type Unknown } from '../pickle/value.ts';
import { isWord, storageType } from './allow-list.ts';
import { calls, type Caller } from './calls.ts';
import { runsCode } from './runs-code.ts';
import type { Storage } from './tensor-view.ts';

/** What to do with an object whose class is not on the allow-list: refuse the file, or leave the object out. */
export type UnknownObjects = 'refuse' | 'skip';

/**
 * What `torch.load(weights_only=True)` loads, and argparse's Namespace. Everything is made as data: no class of the file
 * is looked up, and nothing is called.
 */
export function torchEnvironment(
  who: string,
  { unknown, met }: { readonly unknown: UnknownObjects; readonly met: Set<string> },
): Environment {
  const standIn = (name: string): Unknown => {
    met.add(name);
    if (unknown === 'refuse') throw refused(who, name);
    return { kind: 'unknown', name, parts: [], items: new Map() };
  };
  const caller: Caller = {
    who,
    budget: { left: 1 << 26 },
    unsupported: (what) => {
      met.add(what);
      if (unknown === 'skip') return { kind: 'unknown', name: what, parts: [], items: new Map() };
      throw unsupported(who, what);
    },
  };
  const call = (callee: Global | Unknown, args: readonly PickleValue[]): PickleValue => {
    if (isUnknown(callee)) return { ...callee, parts: [...args], items: new Map() };
    const made = calls.get(callee.name);
    if (!made) throw malformed(who, `a call of ${callee.name}`, 'a type to be named only');
    return made(caller, args);
  };
  return {
    find(module, name) {
      const full = `${module.replace(/^__builtin__$/, 'builtins')}.${name}`;
      return calls.has(full) || isWord(full) ? { kind: 'global', name: full } : standIn(`${module}.${name}`);
    },
    call,
    persistent: (id) => readStorage(who, id),
  };
}

function refused(who: string, global: string): TesseraError {
  const named = JSON.stringify(global);
  if (runsCode(global)) {
    return new TesseraError({
      code: 'pickle-global-refused',
      who,
      got: `the global ${named}, which can run code where Python loads the file`,
      expected: 'tensors and plain data only',
      next: 'Do not load this file elsewhere unless you trust where it is from.',
    });
  }
  return new TesseraError({
    code: 'pickle-global-refused',
    who,
    got: `the global ${named}, which is not on the allow-list`,
    expected: 'tensors and plain data, as torch.load(weights_only=True) loads them',
    next: 'Read the tensors without such objects: --skip-unknown.',
  });
}

function unsupported(who: string, what: string): TesseraError {
  return new TesseraError({
    code: 'tensor-unsupported',
    who,
    got: what,
    expected: 'dense tensors whose bytes are their numbers',
    next: 'Save a dense copy of it, or read the other tensors: --skip-unknown.',
  });
}

/** ('storage', type, key, place, elements[, view]): the last is null or missing in files since PyTorch 0.4. */
function readStorage(who: string, id: PickleValue): Storage {
  const parts = Array.isArray(id) ? id : [];
  const [tag, type, key, , elements, view] = parts;
  const dtype = type !== undefined && kindOf(type) === 'global' ? storageType((type as Global).name) : undefined;
  const ok = typeof elements === 'number' && Number.isSafeInteger(elements) && elements >= 0;
  if (tag !== 'storage' || dtype === undefined || typeof key !== 'string' || !ok) {
    throw malformed(who, 'a reference to something that is no storage', 'a tensor storage');
  }
  if (view !== undefined && view !== null) throw malformed(who, 'a view of a storage', 'a whole storage');
  return { kind: 'storage', key, dtype, elements };
}

import { toFloat32, type Checkpoint, type TensorEntry } from '@tessera/checkpoints';
import { TesseraError } from '@tessera/errors';
import type { SavedTensor } from '../save-model.ts';
import type { Shapes } from './state-config.ts';

/** One model's state dict inside a checkpoint, under its own names. */
export interface OfficialState {
  readonly who: string;
  readonly shapes: Shapes;
  read(name: string): Promise<Uint8Array<ArrayBuffer>>;
  /** As float32, whatever the file holds. */
  tensor(name: string): SavedTensor;
}

/**
 * Finds the state dict that holds `anchor`, at the top or nested, as in a trainer's checkpoint
 * (`trainer.var_wo_ddp.`, `trainer.vae_local.`) or under `module.`.
 * @throws TesseraError state-missing, state-ambiguous
 */
export function findState(file: Checkpoint, anchor: string, what: string): OfficialState {
  const prefixes = [...file.tensors.keys()]
    .filter((name) => name === anchor || name.endsWith(`.${anchor}`))
    .map((name) => name.slice(0, -anchor.length));
  const [prefix] = prefixes;
  if (prefix === undefined || prefixes.length > 1) {
    const found = prefixes.map((name) => name || 'the top').join(', ');
    throw new TesseraError({
      code: prefix === undefined ? 'state-missing' : 'state-ambiguous',
      who: file.path,
      got: prefix === undefined ? `no ${anchor}` : `${anchor} at several places: ${found}`,
      expected: `the official weights of one ${what}`,
      next: 'Check that this is the file you meant.',
    });
  }
  return stateUnder(file, prefix);
}

function stateUnder(file: Checkpoint, prefix: string): OfficialState {
  const entries = new Map<string, TensorEntry>();
  for (const [name, entry] of file.tensors) {
    if (name.startsWith(prefix)) entries.set(name.slice(prefix.length), entry);
  }
  const read = (name: string) => file.read(prefix + name);
  return {
    who: file.path,
    shapes: new Map([...entries].map(([name, { shape }]) => [name, shape])),
    read,
    tensor: (name) => {
      const { shape, dtype } = entries.get(name)!;
      return { name, shape, values: async () => toFloat32(await read(name), dtype) };
    },
  };
}

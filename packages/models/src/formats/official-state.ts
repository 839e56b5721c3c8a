import { toFloat32, type Checkpoint, type TensorEntry } from '@tessera/checkpoints';
import { TesseraError } from '@tessera/errors';
import type { SavedTensor } from '../save-model.ts';
import type { Shapes } from './state-shapes.ts';

/** One model's state dict inside a checkpoint, under its own names. */
export interface OfficialState {
  readonly who: string;
  readonly shapes: Shapes;
  /** True for a running average of a training's weights (EMA). */
  readonly averaged: boolean;
  /** What else its file says: settings of the training, metadata. */
  readonly values: Checkpoint['values'];
  read(name: string): Promise<Uint8Array<ArrayBuffer>>;
  /** As float32, whatever the file holds. */
  tensor(name: string): SavedTensor;
}

/** A tensor by which a kind of state dict is known. */
export interface StateMark {
  readonly tensor: string;
  /** For errors: `VAR transformer`. */
  readonly called: string;
}

/** Which of a training's two sets of weights: the running average, or what the optimiser works on. */
export type WeightsChoice = 'ema' | 'model';

interface Found {
  readonly prefix: string;
  readonly averaged: boolean;
}

/** Whether a file holds a state dict of this kind, at whatever place. */
export function holdsState(file: Checkpoint, mark: StateMark): boolean {
  return placesOf(file, mark).length > 0;
}

/**
 * Finds the state dict that holds the mark, at the top or nested, as in a trainer's checkpoint (`trainer.var_wo_ddp.`,
 * `model_ema.`) or under `module.`. Without a choice, averaged weights win over plain ones.
 * @throws TesseraError state-missing, state-ambiguous, ema-missing, plain-missing
 */
export function findState(file: Checkpoint, mark: StateMark, choice?: WeightsChoice): OfficialState {
  const places = placesOf(file, mark);
  const averaged = choice === undefined ? places.some((place) => place.averaged) : choice === 'ema';
  const [place, another] = places.filter((one) => one.averaged === averaged);
  if (place && !another) return stateUnder(file, place);
  throw refusal(file.path, mark, { places, averaged });
}

function placesOf(file: Checkpoint, { tensor }: StateMark): readonly Found[] {
  return [...file.tensors.keys()]
    .filter((name) => name === tensor || name.endsWith(`.${tensor}`))
    .map((name) => name.slice(0, -tensor.length))
    .map((prefix) => ({ prefix, averaged: /(^|[._])ema([._]|$)/i.test(prefix) }));
}

function refusal(
  who: string,
  { tensor, called }: StateMark,
  { places, averaged }: { readonly places: readonly Found[]; readonly averaged: boolean },
): TesseraError {
  const fitting = places.filter((one) => one.averaged === averaged);
  const found = (fitting.length > 0 ? fitting : places).map(({ prefix }) => prefix || 'the top').join(', ');
  const expected = `the official weights of one ${called}`;
  if (fitting.length > 0) {
    const next = 'Check that this is the file you meant.';
    return new TesseraError({
      code: 'state-ambiguous',
      who,
      got: `${tensor} at several places: ${found}`,
      expected,
      next,
    });
  }
  if (places.length === 0) {
    const next = 'Name the file that holds them.';
    return new TesseraError({ code: 'state-missing', who, got: `no ${tensor}`, expected, next });
  }
  return new TesseraError({
    code: averaged ? 'ema-missing' : 'plain-missing',
    who,
    got: `${averaged ? 'plain' : 'averaged'} weights only, at ${found}`,
    expected: `${averaged ? 'averaged (EMA)' : 'plain'} weights, as asked for`,
    next: 'Take the weights that are there, or another file.',
  });
}

function stateUnder(file: Checkpoint, { prefix, averaged }: Found): OfficialState {
  const entries = new Map<string, TensorEntry>();
  for (const [name, entry] of file.tensors) {
    if (name.startsWith(prefix)) entries.set(name.slice(prefix.length), entry);
  }
  const read = (name: string) => file.read(prefix + name);
  return {
    who: file.path,
    shapes: new Map([...entries].map(([name, { shape }]) => [name, shape])),
    averaged,
    values: file.values,
    read,
    tensor: (name) => {
      const { shape, dtype } = entries.get(name)!;
      return {
        name,
        shape,
        values: async () => toFloat32(await read(name), dtype, { who: file.path, name: prefix + name }),
      };
    },
  };
}

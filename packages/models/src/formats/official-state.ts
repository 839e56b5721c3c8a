import { toFloat32, toNumbers, type Checkpoint, type TensorEntry } from '@tessera/checkpoints';
import { TesseraError } from '@tessera/errors';
import { finiteWeights } from '../finite-weights.ts';
import type { SavedTensor } from '../save-model.ts';
import type { Settings } from './settings.ts';
import type { Shapes } from './state-shapes.ts';

/** One model's state dict inside a checkpoint, under its own names. */
export interface OfficialState {
  readonly who: string;
  readonly shapes: Shapes;
  /** True for a running average of a training's weights (EMA). */
  readonly averaged: boolean;
  /** What else its file says: settings of the training, metadata. */
  readonly values: Checkpoint['values'];
  /** The same by name, `config.json` beside the file included. */
  readonly settings: Settings;
  /** Of any real type, as they are. */
  numbers(name: string): Promise<Float64Array>;
  /** As float32, whatever the file holds; reading it refuses what is not finite. */
  tensor(name: string): SavedTensor;
}

/** A tensor by which a kind of state dict is known. */
export interface StateMark {
  readonly tensor: string;
  /** For errors: `VAR transformer`. */
  readonly called: string;
}

/** A set of weights in a file: `ema`, `model`, or the place where it lies: `state_dict.generator`, `top`. */
export type WeightsChoice = string;

/** How to choose among the sets of weights of a file. */
export interface Choice {
  /** What the request says. */
  readonly weights?: WeightsChoice | undefined;
  /** The option that says it: for errors. */
  readonly option: string;
  /** True where averaged weights win over plain ones if nothing is said, as published samples come from them. */
  readonly preferAveraged: boolean;
}

interface Found {
  /** Dotted path and its last dot; empty at the top. */
  readonly prefix: string;
  readonly averaged: boolean;
}

/** Whether a file holds a state dict of this kind, at whatever place. */
export function holdsState(file: Checkpoint, mark: StateMark): boolean {
  return placesOf(file, mark).length > 0;
}

/**
 * Finds the state dict that holds the mark, at the top or nested, as in a trainer's checkpoint (`trainer.var_wo_ddp.`,
 * `model_ema.`) or under `module.`.
 * @throws TesseraError state-missing, state-ambiguous, ema-missing, plain-missing, weights-unknown
 */
export function findState(file: Checkpoint, mark: StateMark, choice: Choice, settings: Settings): OfficialState {
  const places = placesOf(file, mark);
  if (places.length === 0) throw missing(file.path, mark);
  const chosen = chosenOf(file.path, places, choice);
  const [place, another] = chosen;
  if (place && !another) return stateUnder(file, place, { places, settings });
  throw ambiguous(file.path, mark, { chosen, option: choice.option });
}

/** The places that a choice leaves: those of that name, else averaged or plain ones. */
function chosenOf(
  who: string,
  places: readonly Found[],
  { weights, option, preferAveraged }: Choice,
): readonly Found[] {
  const averaged = places.filter((one) => one.averaged);
  const plain = places.filter((one) => !one.averaged);
  if (weights === undefined) return preferAveraged && averaged.length > 0 ? averaged : places;
  const exact = places.filter(({ prefix }) => prefix === (weights === 'top' ? '' : `${weights}.`));
  if (exact.length > 0) return exact;
  const under = places.filter(({ prefix }) => prefix.startsWith(`${weights}.`));
  if (under.length > 0) return under;
  if (weights === 'ema' || weights === 'model') {
    const kind = weights === 'ema' ? averaged : plain;
    if (kind.length > 0) return kind;
    throw kindMissing(who, weights, places);
  }
  throw new TesseraError({
    code: 'weights-unknown',
    who,
    got: `${option} ${weights}`,
    expected: `ema, model, or where weights lie: ${placeNames(places)}`,
  });
}

function placeNames(places: readonly Found[]): string {
  return places.map(({ prefix }) => prefix.slice(0, -1) || 'top').join(', ');
}

function placesOf(file: Checkpoint, { tensor }: StateMark): readonly Found[] {
  return [...file.tensors.keys()]
    .filter((name) => name === tensor || name.endsWith(`.${tensor}`))
    .map((name) => name.slice(0, -tensor.length))
    .map((prefix) => ({ prefix, averaged: /(^|[._])ema([._]|$)/i.test(prefix) }));
}

function missing(who: string, { tensor, called }: StateMark): TesseraError {
  return new TesseraError({
    code: 'state-missing',
    who,
    got: `no ${tensor}`,
    expected: `the official weights of one ${called}`,
    next: 'Name the file that holds them.',
  });
}

function ambiguous(
  who: string,
  { tensor, called }: StateMark,
  { chosen, option }: { readonly chosen: readonly Found[]; readonly option: string },
): TesseraError {
  const choices = chosen.flatMap(({ prefix }) => (prefix ? [`${option} ${prefix.slice(0, -1)}`] : []));
  return new TesseraError({
    code: 'state-ambiguous',
    who,
    got: `${tensor} at several places: ${placeNames(chosen)}`,
    expected: `the official weights of one ${called}`,
    next: `Choose a place: ${choices.join(' or ')}.`,
  });
}

function kindMissing(who: string, weights: 'ema' | 'model', places: readonly Found[]): TesseraError {
  const averaged = weights === 'ema';
  return new TesseraError({
    code: averaged ? 'ema-missing' : 'plain-missing',
    who,
    got: `${averaged ? 'plain' : 'averaged'} weights only, at ${placeNames(places)}`,
    expected: `${averaged ? 'averaged (EMA)' : 'plain'} weights, as asked for`,
    next: 'Take the weights that are there, or another file.',
  });
}

interface Surroundings {
  /** All of this kind in the file: one may lie inside another. */
  readonly places: readonly Found[];
  readonly settings: Settings;
}

function stateUnder(file: Checkpoint, { prefix, averaged }: Found, { places, settings }: Surroundings): OfficialState {
  const inner = places.map((one) => one.prefix).filter((one) => one !== prefix && one.startsWith(prefix));
  const entries = new Map<string, TensorEntry>();
  for (const [name, entry] of file.tensors) {
    if (inner.some((one) => name.startsWith(one))) continue;
    if (name.startsWith(prefix)) entries.set(name.slice(prefix.length), entry);
  }
  const read = (name: string) => file.read(prefix + name);
  const of = (name: string) => ({ who: file.path, name: prefix + name });
  return {
    who: file.path,
    shapes: new Map([...entries].map(([name, { shape }]) => [name, shape])),
    averaged,
    values: file.values,
    settings,
    numbers: async (name) => toNumbers(await read(name), entries.get(name)!.dtype, of(name)),
    tensor: (name) => {
      const { shape, dtype } = entries.get(name)!;
      return {
        name,
        shape,
        from: file.path,
        values: async () => finiteWeights(toFloat32(await read(name), dtype, of(name)), of(name)),
      };
    },
  };
}

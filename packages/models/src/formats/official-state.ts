import { toFloat32, toNumbers, type Checkpoint, type TensorEntry } from '@tessera/checkpoints';
import { TesseraError } from '@tessera/errors';
import type { SavedTensor } from '../weight-files.ts';
import { finiteWeights, type Shapes } from '../weights.ts';
import type { Settings } from './settings.ts';

/** The state dict of one model inside a checkpoint, under its own names. */
export interface OfficialState {
  readonly who: string;
  readonly shapes: Shapes;
  /** True for a moving average of the weights of a training (EMA). */
  readonly averaged: boolean;
  /** Other values of its file: settings of the training, metadata. */
  readonly values: Checkpoint['values'];
  /** These values by name, including those of a `config.json` beside the file. */
  readonly settings: Settings;
  /** The numbers of a tensor of any real type, exactly. */
  numbers(name: string): Promise<Float64Array>;
  /** The tensor as float32, whatever its type. Reading it refuses numbers that are not finite. */
  tensor(name: string): SavedTensor;
}

/** A tensor by which a kind of state dict is recognised. */
export interface StateMark {
  readonly tensor: string;
  /** For errors: `VAR transformer`. */
  readonly called: string;
}

/** Selects a set of weights in a file: `ema`, `model`, or its path: `state_dict.generator`, `top`. */
export type WeightsChoice = string;

/** How to choose among the sets of weights of a file. */
interface Choice {
  /** The choice of the request. */
  readonly weights?: WeightsChoice | undefined;
  /** The option that makes the choice, for errors. */
  readonly option: string;
  /** True if averaged weights are the default, since published samples come from them. */
  readonly preferAveraged: boolean;
}

/** A choice, and the settings that belong to the file. */
interface Selection extends Choice {
  readonly settings: Settings;
}

interface Found {
  /** Dotted path with its last dot; empty at the top. */
  readonly prefix: string;
  readonly averaged: boolean;
}

/** True if a file holds a state dict of this kind at any path. */
export function holdsState(file: Checkpoint, mark: StateMark): boolean {
  return placesOf(file, mark).length > 0;
}

/**
 * Finds the state dict that holds the mark, at the top or nested, as in a trainer's checkpoint (`trainer.var_wo_ddp.`,
 * `model_ema.`) or under `module.`.
 * @throws TesseraError state-missing, state-ambiguous, ema-missing, plain-missing, weights-unknown
 */
export function findState(file: Checkpoint, mark: StateMark, { settings, ...choice }: Selection): OfficialState {
  const places = placesOf(file, mark);
  if (places.length === 0) throw missing(file.path, mark);
  const chosen = chosenOf(file.path, places, choice);
  const [place, another] = chosen;
  if (place && !another) return stateUnder(file, place, { places, settings });
  throw ambiguous(file.path, mark, { chosen, option: choice.option });
}

/** The paths that a choice selects: those of that name, else averaged or plain weights. */
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
    expected: `ema, model, or the path of some weights: ${placeNames(places)}`,
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
    got: `${tensor} at several paths: ${placeNames(chosen)}`,
    expected: `the official weights of one ${called}`,
    next: `Choose one: ${choices.join(' or ')}.`,
  });
}

function kindMissing(who: string, weights: 'ema' | 'model', places: readonly Found[]): TesseraError {
  const averaged = weights === 'ema';
  return new TesseraError({
    code: averaged ? 'ema-missing' : 'plain-missing',
    who,
    got: `${averaged ? 'plain' : 'averaged'} weights only, at ${placeNames(places)}`,
    expected: `${averaged ? 'averaged (EMA)' : 'plain'} weights, as asked for`,
    next: 'Take the weights that this file has, or another file.',
  });
}

interface Surroundings {
  /** All state dicts of this kind in the file: one may be inside another. */
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

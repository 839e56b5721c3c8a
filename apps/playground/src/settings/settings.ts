import type { GenerationInput, Model } from '../api/operations.ts';
import { readingsOf, refusedWord, wordOf, type Label } from './classes.tsx';
import { optionFields, readNumber, readOption, type OptionValue, type OwnSettings } from './options.tsx';

/** What the form holds. */
export interface Settings {
  /** The model of the form, then those compared with it. */
  readonly models: readonly string[];
  readonly label: Label;
  readonly count: number;
  readonly seed: number;
  /** By name of the model; those that were never changed are absent. */
  readonly own: Readonly<Record<string, OwnSettings>>;
}

export const MOST_IMAGES = 64;
export const MOST_SEED = Number.MAX_SAFE_INTEGER - MOST_IMAGES;
/** Seeds of the dice: easy to read and to type. */
const DICE_SIDES = 1_000_000;

export function defaultSettings({ name }: Model): Settings {
  return { models: [name], label: 0, count: 4, seed: 0, own: {} };
}

export function ownSettings({ own }: Settings, { name, options, guidanceOff, defaults }: Model): OwnSettings {
  if (own[name]) return own[name];
  const fallbacks = optionFields(options).flatMap((field) =>
    field.fallback === undefined ? [] : [[field.name, field.fallback] as const],
  );
  return { guidance: guidanceOff === null ? null : defaults.guidance, options: Object.fromEntries(fallbacks) };
}

export function rollSeed(): number {
  return Math.floor(Math.random() * DICE_SIDES);
}

/** Only models of the same classes can be asked for the same pictures. */
export function areComparable(one: Model, other: Model): boolean {
  return (
    one.classes.length === other.classes.length &&
    one.classes.every(({ name }, index) => name === other.classes[index]!.name)
  );
}

/** Another model in the form: class, seed and comparison stay where they still make sense. */
export function pickModel(settings: Settings, picked: Model, models: readonly Model[]): Settings {
  const chosen = models.filter(({ name }) => settings.models.includes(name));
  if (!chosen.every((one) => areComparable(one, picked))) return { ...defaultSettings(picked), own: settings.own };
  const others = settings.models.slice(1).filter((name) => name !== picked.name);
  return { ...settings, models: [picked.name, ...others] };
}

/** One request per model, alike in all but the model's own settings. */
export function toInputs(settings: Settings, models: readonly Model[]): readonly GenerationInput[] {
  return settings.models.map((name): GenerationInput => {
    const model = models.find((one) => one.name === name)!;
    const each = model.classes.slice(0, MOST_IMAGES).map(({ label }) => label);
    const { label, count, seed } = settings;
    const images =
      label === 'each' ? each.map((one) => ({ condition: { label: one } })) : [{ condition: { label }, count }];
    const { guidance, options } = ownSettings(settings, model);
    return { model: name, images, seed, options, ...(guidance !== null && { guidance }) };
  });
}

/* Guidance and options stand in the address with their model's name: digits-var.guidance, digits-var.options.topP. */
const guidanceName = (model: string) => `${model}.guidance`;
const optionName = (model: string, option: string) => `${model}.options.${option}`;

/** Reads the page's address; what is missing or makes no sense there takes the model's default. */
export function readSettings(search: URLSearchParams, models: readonly Model[]): Settings {
  const chosen = chosenModels(search.getAll('model'), models);
  const base = defaultSettings(chosen[0]!);
  const label = search.get('label');
  const labels = label === null ? [] : readingsOf(label, chosen[0]!.classes);
  return {
    models: chosen.map(({ name }) => name),
    label: label === 'each' ? 'each' : labels.length === 1 ? labels[0]! : base.label,
    count: readNumber(search.get('count'), { min: 1, max: MOST_IMAGES, whole: true }) ?? base.count,
    seed: readNumber(search.get('seed'), { min: 0, max: MOST_SEED, whole: true }) ?? base.seed,
    own: Object.fromEntries(chosen.map((model) => [model.name, readOwn(search, model, ownSettings(base, model))])),
  };
}

/** A sentence about the class in the address, where it makes no sense or more than one; else null. */
export function refusedLabel(search: URLSearchParams, models: readonly Model[]): string | null {
  return refusedWord(search.get('label'), chosenModels(search.getAll('model'), models)[0]!.classes);
}

function chosenModels(names: readonly string[], models: readonly Model[]): readonly Model[] {
  const found = [...new Set(names)].flatMap((name) => models.find((model) => model.name === name) ?? []);
  const first = found[0] ?? models[0]!;
  return [first, ...found.slice(1).filter((model) => areComparable(first, model))];
}

function readOwn(search: URLSearchParams, { name, options }: Model, base: OwnSettings): OwnSettings {
  const read = optionFields(options).flatMap((field) => {
    const text = search.get(optionName(name, field.name));
    const value = text === null ? undefined : readOption(field, text);
    return value === undefined ? [] : [[field.name, value] as const];
  });
  const guidance = readNumber(search.get(guidanceName(name)), { min: 0, max: 100 }) ?? base.guidance;
  return {
    guidance: base.guidance === null ? null : guidance,
    options: { ...base.options, ...Object.fromEntries(read) },
  };
}

/** The address that shows these settings and these generations again. */
export function writeSettings(settings: Settings, models: readonly Model[], generations: readonly string[]): string {
  const { label, count, seed } = settings;
  const chosen = settings.models.map((name) => models.find((model) => model.name === name)!);
  const entries: (readonly [string, OptionValue])[] = [
    ...chosen.map(({ name }) => ['model', name] as const),
    ['label', label === 'each' ? label : wordOf(label, chosen[0]!.classes)],
    ['count', count],
    ['seed', seed],
    ...chosen.flatMap((model) => {
      const { guidance, options } = ownSettings(settings, model);
      const written = Object.entries(options).map(([name, value]) => [optionName(model.name, name), value] as const);
      return guidance === null ? written : [[guidanceName(model.name), guidance] as const, ...written];
    }),
    ...generations.map((id) => ['generation', id] as const),
  ];
  return `?${new URLSearchParams(entries.map(([name, value]) => [name, String(value)]))}`;
}

import type { Model, OptionValue } from '../api/types.ts';
import { readingsOf, refusedWord, wordOf } from './class-words.ts';
import { optionFields, readNumber, readOption } from './option-fields.ts';
import {
  areComparable,
  defaultSettings,
  MOST_IMAGES,
  MOST_SEED,
  ownSettings,
  type OwnSettings,
  type Settings,
} from './settings.ts';

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

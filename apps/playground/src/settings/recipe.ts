import type { Model } from '../api/operations.ts';
import { readingsOf, refusedWord, titleOf, wordOf, type Label } from './classes.tsx';
import { firstModel } from './first-model.ts';
import {
  boundsOf,
  optionFields,
  readNumber,
  readOption,
  type OptionField,
  type OptionValue,
  type OwnSettings,
} from './options.tsx';
import {
  defaultSettings,
  guidanceCaution,
  inputFields,
  MOST_IMAGES,
  MOST_SEED,
  ownSettings,
  type Settings,
} from './settings.ts';
import { readSize, sizeBounds, sizeText } from './sizes.ts';

/*
 * A recipe: settings as an address holds them. Guidance, options and inputs stand there with their model's name:
 * digits-var.guidance, digits-var.size, digits-var.options.topP, avatars-text.input.text.
 */
const guidanceName = (model: string) => `${model}.guidance`;
const sizeName = (model: string) => `${model}.size`;
const inputName = (model: string, field: string) => `${model}.input.${field}`;
const optionName = (model: string, option: string) => `${model}.options.${option}`;

export interface Recipe {
  readonly settings: Settings;
  /** A sentence about each part of the address that could not be taken, with its text and what was taken instead. */
  readonly notes: readonly string[];
}

/** Reads what a part of an address says, and notes what it cannot. */
interface Reader {
  take<T>(name: string, read: (text: string) => T | undefined, otherwise: Otherwise<T>): T;
}

interface Otherwise<T> {
  readonly value: T;
  readonly expected: string;
  readonly taken?: string;
}

/** What is missing takes the model's default; `others` are names that stand there for other reasons. */
export function readRecipe(search: URLSearchParams, models: readonly Model[], others: readonly string[] = []): Recipe {
  const notes: string[] = [];
  const known = new Set(others);
  const take: Reader['take'] = (name, read, { value, expected, taken }) => {
    known.add(name);
    const text = search.get(name);
    const got = text === null ? undefined : read(text);
    if (text !== null && got === undefined) notes.push(note({ name, text, expected, taken: taken ?? String(value) }));
    return got ?? value;
  };
  const model = takeModel({ take }, models);
  const base = defaultSettings(model);
  const label = model.condition.classes === null ? 0 : takeLabel({ take }, model, search.get('label'));
  const settings: Settings = {
    model: model.name,
    label,
    count: take('count', (text) => readNumber(text, { min: 1, max: MOST_IMAGES, whole: true }), {
      value: base.count,
      expected: `a whole number from 1 to ${MOST_IMAGES}`,
    }),
    seed: take('seed', (text) => readNumber(text, { min: 0, max: MOST_SEED, whole: true }), {
      value: base.seed,
      expected: `a whole number from 0 to ${MOST_SEED}`,
      taken: 'a new one each time',
    }),
    isLocked: readNumber(search.get('seed'), { min: 0, max: MOST_SEED, whole: true }) !== undefined,
    own: { [model.name]: takeOwn({ take }, model) },
  };
  const rest = [...search].filter(([name], at, all) => !known.has(name) || all.findIndex(([n]) => n === name) < at);
  const caution = guidanceCaution(ownSettings(settings, model).guidance, model);
  const cautions =
    caution === null
      ? []
      : [`“${guidanceName(model.name)}=${search.get(guidanceName(model.name))}” is taken. ${caution}`];
  return { settings, notes: [...notes, ...cautions, ...rest.map((entry) => leftOut(entry, model, known))] };
}

function note({ name, text, expected, taken }: { name: string; text: string; expected: string; taken: string }) {
  return `“${name}=${text.slice(0, 80)}”: expected ${expected}. Taken instead: ${taken}.`;
}

function leftOut([name, text]: [string, string], model: Model, known: ReadonlySet<string>): string {
  const whole = [...known].find((one) => one.endsWith(`.${name}`));
  const unknown = whole ? `it belongs to a model, as ${whole}=` : `${model.title} has no such setting`;
  const why = known.has(name) ? 'only the first of its name is taken' : unknown;
  return `“${name.slice(0, 80)}=${text.slice(0, 80)}” was left out: ${why}.`;
}

function takeModel({ take }: Reader, models: readonly Model[]): Model {
  const value = firstModel(models);
  const expected = `a model of this server (${models.map(({ name }) => name).join(', ')})`;
  return take('model', (text) => models.find(({ name }) => name === text), { value, expected, taken: value.name });
}

function takeLabel({ take }: Reader, { classes }: Model, asked: string | null): Label {
  const read = (text: string): Label | undefined => {
    if (text === 'each') return text;
    const labels = readingsOf(text, classes);
    return labels.length === 1 ? labels[0] : undefined;
  };
  const expected = refusedWord(asked, classes) ?? '';
  return take<Label>('label', read, { value: 0, expected, taken: titleOf(0, classes) });
}

function takeOwn({ take }: Reader, model: Model): OwnSettings {
  const base = ownSettings({ own: {} }, model);
  const taken = (fields: readonly OptionField[], named: typeof optionName, values: OwnSettings['options']) => {
    const entries = fields.flatMap((field) => {
      const value = values[field.name];
      const got = take<OptionValue | undefined>(named(model.name, field.name), (text) => readOption(field, text), {
        value,
        expected: boundsOf(field),
        taken: value === undefined ? 'the model’s own' : String(value),
      });
      return got === undefined ? [] : [[field.name, got] as const];
    });
    return Object.fromEntries(entries);
  };
  const options = taken(optionFields(model.options), optionName, base.options);
  const input = taken(inputFields(model), inputName, {});
  const read = (text: string) => (readSize(text, model) ? text : undefined);
  const size = take(sizeName(model.name), read, { value: sizeText(model), expected: sizeBounds(model) });
  const own = {
    options,
    ...(Object.keys(input).length > 0 && { input }),
    ...(size !== sizeText(model) && { size }),
  };
  if (base.guidance === null) return { guidance: null, ...own };
  const guidance = take(guidanceName(model.name), (text) => readNumber(text, { min: 0, max: 100 }), {
    value: base.guidance,
    expected: 'a number from 0 to 100',
  });
  return { guidance, ...own };
}

/** The search of the address that holds these settings. A seed that changes with each run is left out. */
export function writeRecipe(settings: Settings, models: readonly Model[]): URLSearchParams {
  const model = models.find(({ name }) => name === settings.model)!;
  const { label, count, seed, isLocked } = settings;
  const { guidance, options, size, input = {} } = ownSettings(settings, model);
  const entries: (readonly [string, OptionValue])[] = [
    ['model', model.name],
    ...(model.condition.classes === null
      ? []
      : [['label', label === 'each' ? label : wordOf(label, model.classes)] as const]),
    ...Object.entries(input).map(([name, value]) => [inputName(model.name, name), value] as const),
    ['count', count],
    ...(isLocked ? [['seed', seed] as const] : []),
    ...(guidance === null ? [] : [[guidanceName(model.name), guidance] as const]),
    ...(size === undefined ? [] : [[sizeName(model.name), size] as const]),
    ...Object.entries(options).map(([name, value]) => [optionName(model.name, name), value] as const),
  ];
  return new URLSearchParams(entries.map(([name, value]) => [name, String(value)]));
}

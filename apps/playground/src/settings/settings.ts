import type { GenerationInput, Model, OptionValue } from '../api/types.ts';
import { optionFields } from './option-fields.ts';

/** What belongs to one model alone. */
export interface OwnSettings {
  /** Null where the model takes none. */
  readonly guidance: number | null;
  /** By name; an option that is absent keeps the model's own value. */
  readonly options: Readonly<Record<string, OptionValue>>;
}

/** What the form holds. `label` is a class, -1 for none, or `each` for one image of every class. */
export interface Settings {
  /** The model of the form, then those compared with it. */
  readonly models: readonly string[];
  readonly label: number | 'each';
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
  return settings.models.map((name) => {
    const model = models.find((one) => one.name === name)!;
    const each = model.classes.slice(0, MOST_IMAGES).map(({ label }) => label);
    const { label, count, seed } = settings;
    const labels = label === 'each' ? each : new Array<number>(count).fill(label);
    const { guidance, options } = ownSettings(settings, model);
    return { model: name, labels, seed, options, ...(guidance !== null && { guidance }) };
  });
}

import { labelOf } from '../api/label.ts';
import type { Generation, GenerationInput, Model } from '../api/operations.ts';
import type { Label } from './classes.tsx';
import { askedSize, seenAt } from './sizes.ts';
import {
  countsWith,
  isOptionValue,
  optionFields,
  type OptionField,
  type OptionValue,
  type OwnSettings,
} from './options.tsx';

/** What the form holds. */
export interface Settings {
  readonly model: string;
  readonly label: Label;
  readonly count: number;
  readonly seed: number;
  /** Every run takes this seed; else each gets a new one. */
  readonly isLocked: boolean;
  /** By name of the model; those that were never changed are absent. */
  readonly own: Readonly<Record<string, OwnSettings>>;
}

export const MOST_IMAGES = 64;
export const MOST_SEED = Number.MAX_SAFE_INTEGER - MOST_IMAGES;
/** New seeds: easy to read and to type. */
const NEW_SEEDS = 1_000_000;

export function defaultSettings({ name }: Model): Settings {
  return { model: name, label: 0, count: 4, seed: 0, isLocked: false, own: {} };
}

export function ownSettings({ own }: Pick<Settings, 'own'>, model: Model): OwnSettings {
  return own[model.name] ?? defaultsOf(model);
}

function defaultsOf({ options, guidanceOff, defaults }: Model): OwnSettings {
  const fallbacks = optionFields(options).flatMap((field) =>
    field.fallback === undefined ? [] : [[field.name, field.fallback] as const],
  );
  return { guidance: guidanceOff === null ? null : defaults.guidance, options: Object.fromEntries(fallbacks) };
}

/** More is taken up to 100, since parts may measure it in another way. */
export function usualGuidance({ defaults }: Partial<Pick<Model, 'defaults'>>): number {
  return Math.max(10, 2 * (defaults?.guidance ?? 0));
}

/** What to know of a guidance that is taken, and hardly what anybody wants; null of others. */
export function guidanceCaution(guidance: number | null, model: Partial<Pick<Model, 'defaults'>>): string | null {
  const usual = usualGuidance(model);
  if (guidance === null || guidance <= usual) return null;
  return `Guidance above ${usual} mostly draws noise: this model is made for less.`;
}

/** The fields of what images are to show; none for models of classes. */
export function inputFields({ condition }: Model): readonly OptionField[] {
  return condition.classes === null ? optionFields(condition.schema) : [];
}

/** What a request says of its images: without any word, nothing. */
function conditionOf(
  { label, own }: Settings,
  model: Model,
): Pick<NonNullable<GenerationInput['images']>[number], 'condition'> {
  if (model.condition.classes !== null) return { condition: { label: Number(label) } };
  const { input = {} } = own[model.name] ?? {};
  const said = Object.entries(input).filter(([, value]) => value !== '');
  return said.length > 0 ? { condition: { input: Object.fromEntries(said) } } : {};
}

export function newSeed(): number {
  return Math.floor(Math.random() * NEW_SEEDS);
}

/** Only models of the same classes, or of the same kind of texts, can be asked for the same pictures. */
export function areComparable(one: Model, other: Model): boolean {
  return (
    JSON.stringify(one.condition) === JSON.stringify(other.condition) &&
    one.classes.length === other.classes.length &&
    one.classes.every(({ name }, index) => name === other.classes[index]!.name)
  );
}

/** Another model in the form: the class stays where it still makes sense. */
export function pickModel(settings: Settings, picked: Model, models: readonly Model[]): Settings {
  const before = models.find(({ name }) => name === settings.model);
  const label = before && areComparable(before, picked) ? settings.label : 0;
  return { ...settings, model: picked.name, label };
}

/** Tokens whose details a server tells at most of one generation, but for a single image. */
const MOST_DETAILED = 2048;

/** Of so many images of a model at once the server tells codes and probabilities of the tokens. */
export function mostDetailed({ tokens }: Pick<Model, 'tokens'>): number {
  return Math.max(1, Math.floor(MOST_DETAILED / tokens));
}

export function toInput(settings: Settings, models: readonly Model[]): GenerationInput {
  const { label, count, seed } = settings;
  const model = models.find(({ name }) => name === settings.model)!;
  const each = model.classes.slice(0, MOST_IMAGES).map((one) => ({ condition: { label: one.label } }));
  const images = label === 'each' ? each : [{ ...conditionOf(settings, model), count }];
  const { guidance, options: chosen, size: asked } = ownSettings(settings, model);
  const size = askedSize(asked, model);
  const idle = optionFields(model.options).filter((field) => !countsWith(field, chosen));
  const options = Object.fromEntries(Object.entries(chosen).filter(([name]) => !idle.some((one) => one.name === name)));
  // Codes and probabilities of tokens are for the anatomy.
  const details = (label === 'each' ? each.length : count) <= mostDetailed(seenAt(model, asked));
  return {
    model: model.name,
    images,
    seed,
    options,
    details,
    ...(size && { size }),
    ...(guidance !== null && { guidance }),
  };
}

/** The settings that made a generation. */
export function settingsOf(made: Omit<Generation, 'edit' | 'layout'>, model: Model): Settings {
  const { images, seed, guidance, size, options } = made;
  const labels = images.map(labelOf);
  const isEach = labels.length > 1 && labels.every((label, index) => label === index);
  const base = defaultsOf(model);
  const [first] = images.flatMap(({ condition: one }) => (one.__typename === 'InputCondition' ? [one.input] : []));
  const plain = (values: object) =>
    Object.fromEntries(Object.entries(values).filter((one): one is [string, OptionValue] => isOptionValue(one[1])));
  const own: OwnSettings = {
    guidance: base.guidance === null ? null : (guidance ?? base.guidance),
    options: { ...base.options, ...plain(options) },
    ...(first && { input: plain(first) }),
    ...(size && { size: `${size.width}x${size.height}` }),
  };
  return {
    model: model.name,
    label: isEach ? 'each' : (labels[0] ?? -1),
    count: images.length,
    seed,
    isLocked: false,
    own: { [model.name]: own },
  };
}

import type { GenerationInput, Model } from '../api/types.ts';

/** What the form holds. `label` is a class, -1 for none, or `each` for one image of every class. */
export interface Settings {
  readonly model: string;
  readonly label: number | 'each';
  readonly count: number;
  readonly seed: number;
  readonly guidance: number;
  readonly topK: number;
  readonly topP: number;
  readonly smooth: boolean;
}

export const MOST_IMAGES = 64;
/** Seeds of the dice: easy to read and to type. */
const DICE_SIDES = 1_000_000;

export function defaultSettings({ name, defaults }: Model): Settings {
  return { model: name, label: 0, count: 4, seed: 0, ...pick(defaults) };
}

function pick({ guidance, topK, topP, smooth }: Model['defaults']) {
  return { guidance, topK, topP, smooth };
}

export function rollSeed(): number {
  return Math.floor(Math.random() * DICE_SIDES);
}

export function toInput({ label, count, ...rest }: Settings, { classes }: Model): GenerationInput {
  const each = classes.slice(0, MOST_IMAGES).map((one) => one.label);
  return { ...rest, labels: label === 'each' ? each : new Array<number>(count).fill(label) };
}

/** Reads the page's address; what is missing or makes no sense there takes the model's default. */
export function readSettings(search: URLSearchParams, models: readonly Model[]): Settings {
  const model = models.find(({ name }) => name === search.get('model')) ?? models[0]!;
  const base = defaultSettings(model);
  const label = search.get('label');
  return {
    model: model.name,
    label:
      label === 'each'
        ? 'each'
        : readNumber(label, base.label as number, { min: -1, max: model.classes.length - 1, whole: true }),
    count: readNumber(search.get('count'), base.count, { min: 1, max: MOST_IMAGES, whole: true }),
    seed: readNumber(search.get('seed'), base.seed, {
      min: 0,
      max: Number.MAX_SAFE_INTEGER - MOST_IMAGES,
      whole: true,
    }),
    guidance: readNumber(search.get('guidance'), base.guidance, { min: 0, max: 100 }),
    topK: readNumber(search.get('topK'), base.topK, { min: 0, max: model.vocabulary ?? 0, whole: true }),
    topP: readNumber(search.get('topP'), base.topP, { min: 0, max: 1 }),
    smooth: search.has('smooth') ? search.get('smooth') === 'true' : base.smooth,
  };
}

interface Range {
  readonly min: number;
  readonly max: number;
  readonly whole?: boolean;
}

function readNumber(text: string | null, fallback: number, { min, max, whole = false }: Range): number {
  const value = text === null || text.trim() === '' ? Number.NaN : Number(text);
  return value >= min && value <= max && (!whole || Number.isInteger(value)) ? value : fallback;
}

/** The address that shows these settings and this generation again. */
export function writeSettings(settings: Settings, generation: string | null): string {
  const search = new URLSearchParams(Object.entries(settings).map(([name, value]) => [name, String(value)]));
  if (generation) search.set('generation', generation);
  return `?${search}`;
}

import type { GenerationInput, Model } from '../api/operations.ts';
import { readingsOf, titleOf, wordOf } from '../settings/classes.tsx';
import { boundsOf, optionFields, readNumber, readOption, type OptionField } from '../settings/options.tsx';
import { readRecipe, writeRecipe } from '../settings/recipe.ts';
import { areComparable, MOST_SEED, ownSettings, toInput, type Settings } from '../settings/settings.ts';
import { firstModel } from '../settings/first-model.ts';

/* One picture in many ways: a setting goes across, another one down, all else stays. */

/** Of a picture: what is drawn at once must fit a page and a queue. */
const MOST_CELLS = 36;

export interface Axis {
  /** `model`, `label`, `seed`, `guidance`, or `options.NAME`. */
  readonly setting: string;
  /** As an address writes them. */
  readonly values: readonly string[];
}

export interface Comparison {
  readonly settings: Settings;
  readonly x: Axis;
  readonly y: Axis | null;
}

export interface Cell {
  readonly x: string;
  readonly y: string | null;
  readonly settings: Settings;
  readonly input: GenerationInput;
}

/** What may go along an axis, with the words for it. */
export interface Choice {
  readonly setting: string;
  readonly title: string;
  readonly field: OptionField | null;
}

/** Options only where every compared model has them. */
export function choicesOf(models: readonly Model[]): readonly Choice[] {
  const [first, ...others] = models;
  const shared = optionFields(first!.options).filter(({ name }) =>
    others.every((model) => optionFields(model.options).some((field) => field.name === name)),
  );
  return [
    { setting: 'model', title: 'Model', field: null },
    ...(models.every(({ condition }) => condition.classes !== null)
      ? [{ setting: 'label', title: 'Class', field: null }]
      : []),
    { setting: 'seed', title: 'Seed', field: null },
    ...(models.every(({ guidanceOff }) => guidanceOff !== null)
      ? [{ setting: 'guidance', title: 'Guidance', field: null }]
      : []),
    ...shared.map((field) => ({ setting: `options.${field.name}`, title: field.label, field })),
  ];
}

/** The models that a comparison asks: those of an axis, or the one of its settings. */
export function modelsOf({ settings, x, y }: Comparison, models: readonly Model[]): readonly Model[] {
  const along = [x, y].find((axis) => axis?.setting === 'model');
  const names = along ? along.values : [settings.model];
  const found = names.flatMap((name) => models.find((model) => model.name === name) ?? []);
  return found.length > 0 ? found : [models.find(({ name }) => name === settings.model) ?? firstModel(models)];
}

/** What a value is called on the page. */
export function valueTitle({ setting }: Axis, value: string, model: Model): string {
  return setting === 'label' ? titleOf(readingsOf(value, model.classes)[0] ?? -1, model.classes) : value;
}

/** Values that a comparison begins with: of models and classes some, of numbers the model's own and others around it. */
export function firstValues(choice: Choice, settings: Settings, models: readonly Model[]): readonly string[] {
  const model = models.find(({ name }) => name === settings.model)!;
  const { setting, field } = choice;
  if (setting === 'model')
    return models
      .filter((one) => areComparable(one, model))
      .map(({ name }) => name)
      .slice(0, 4);
  if (setting === 'label') return model.classes.slice(0, 4).map(({ label }) => wordOf(label, model.classes));
  if (setting === 'seed') return [0, 1, 2].map((more) => String(settings.seed + more));
  if (setting === 'guidance') {
    const own = ownSettings(settings, model).guidance ?? 1;
    return [model.guidanceOff ?? 0, own, own * 2].map(String).filter((value, i, all) => all.indexOf(value) === i);
  }
  if (field?.kind === 'choice') return field.choices.slice(0, 4).map(String);
  if (field?.kind === 'check') return ['false', 'true'];
  return field?.fallback === undefined ? [] : [String(field.fallback)];
}

/** What a comparison begins with: models, or where none is like this one, the first setting that has several values. */
export function firstAxis(settings: Settings, models: readonly Model[]): Axis {
  const axes = choicesOf([models.find(({ name }) => name === settings.model)!]).map((choice) => {
    return { setting: choice.setting, values: firstValues(choice, settings, models) };
  });
  return axes.find(({ values }) => values.length > 1) ?? axes[0]!;
}

/** The settings with one of them changed; a sentence where the value cannot be. */
function withValue(
  settings: Settings,
  { setting, value }: { setting: string; value: string },
  models: readonly Model[],
) {
  const model = models.find(({ name }) => name === (setting === 'model' ? value : settings.model));
  if (!model) return `“${value}” is no model of this server`;
  const own = ownSettings(settings, model);
  const change = (changed: typeof own): Settings => ({ ...settings, own: { ...settings.own, [model.name]: changed } });
  if (setting === 'model') return { ...settings, model: model.name };
  if (setting === 'label') {
    const labels = readingsOf(value, model.classes);
    return labels.length === 1 ? { ...settings, label: labels[0]! } : `“${value}” is no class of ${model.name}`;
  }
  if (setting === 'seed') {
    const seed = readNumber(value, { min: 0, max: MOST_SEED, whole: true });
    return seed === undefined ? `The seed “${value}” is no whole number from 0 on` : { ...settings, seed };
  }
  if (setting === 'guidance') {
    const guidance = readNumber(value, { min: 0, max: 100 });
    if (own.guidance === null) return `${model.name} takes no guidance`;
    return guidance === undefined ? `The guidance “${value}” is no number from 0 to 100` : change({ ...own, guidance });
  }
  const field = optionFields(model.options).find(({ name }) => `options.${name}` === setting);
  if (!field) return `${model.name} has no setting “${setting.replace('options.', '')}”`;
  const read = readOption(field, value);
  if (read === undefined) return `${field.label} “${value}” cannot be: expected ${boundsOf(field)}`;
  return change({ ...own, options: { ...own.options, [field.name]: read } });
}

/** Row by row; `problems` tell why some values have no cells. */
export function cellsOf({ settings, x, y }: Comparison, models: readonly Model[]) {
  const problems = new Set<string>();
  const apply = (to: Settings, axis: Axis, value: string): Settings | null => {
    const changed = withValue(to, { setting: axis.setting, value }, models);
    if (typeof changed !== 'string') return changed;
    problems.add(`${changed}. It is left out.`);
    return null;
  };
  // A model first: what else is changed is a setting of it.
  const isModelDown = y?.setting === 'model';
  const cells = (y?.values ?? [null]).flatMap((down) =>
    x.values.flatMap((across): Cell[] => {
      const base: Settings | null = { ...settings, count: 1 };
      const first = isModelDown ? apply(base, y, down!) : apply(base, x, across);
      const last = isModelDown ? ([x, across] as const) : ([y, down] as const);
      const changed = first && last[0] && last[1] !== null ? apply(first, last[0], last[1]) : first;
      return changed ? [{ x: across, y: down, settings: changed, input: toInput(changed, models) }] : [];
    }),
  );
  if (cells.length > MOST_CELLS) {
    problems.add(`These are ${cells.length} pictures, and at most ${MOST_CELLS} are compared. Take out some values.`);
  }
  return { cells: cells.slice(0, MOST_CELLS), problems: [...problems] };
}

const NAMES = ['x', 'xs', 'y', 'ys', 'g'];

/** The search of the address of a comparison, and of what has been made of it. */
export function writeComparison(
  { settings, x, y }: Comparison,
  models: readonly Model[],
  ids: readonly string[],
): string {
  const entries = [
    ['x', x.setting],
    ...x.values.map((value) => ['xs', value]),
    ...(y ? [['y', y.setting], ...y.values.map((value) => ['ys', value])] : []),
    ...writeRecipe({ ...settings, count: 1, isLocked: true }, models),
    ...otherModels({ x, y }, settings.model).flatMap((name) => changedOf(settings, name, models)),
    ...ids.map((id) => ['g', id]),
  ].filter(([name]) => name !== 'count');
  return String(new URLSearchParams(entries as [string, string][]));
}

/** The models along an axis, but for one. */
function otherModels({ x, y }: Pick<Comparison, 'x' | 'y'>, but: string): readonly string[] {
  return ([x, y].find((axis) => axis?.setting === 'model')?.values ?? []).filter((name) => name !== but);
}

/** Guidance and options of a model that are not its own defaults, as an address has them. */
function changedOf(settings: Settings, name: string, models: readonly Model[]): readonly (readonly [string, string])[] {
  if (!(name in settings.own) || models.every((model) => model.name !== name)) return [];
  const its = (own: Settings['own']) => [...writeRecipe({ ...settings, model: name, own }, models)];
  const defaults = new Set(its({}).map(String));
  return its(settings.own).filter((entry) => isOwn(entry, name) && !defaults.has(String(entry)));
}

function isOwn([entry]: readonly [string, string], model: string): boolean {
  return entry === `${model}.guidance` || [`${model}.options.`, `${model}.input.`].some((own) => entry.startsWith(own));
}

interface ReadComparison {
  readonly comparison: Comparison;
  readonly ids: readonly string[];
  /** What of the address could not be understood. */
  readonly notes: readonly string[];
}

/** Of models along an axis the first one that there is, where the address names none for the picture. */
function namedModel(search: URLSearchParams, models: readonly Model[]): [string, string][] {
  const axis = ['x', 'y'].find((name) => search.get(name) === 'model');
  if (search.has('model') || axis === undefined) return [];
  const found = search.getAll(`${axis}s`).find((value) => models.some(({ name }) => name === value));
  return found === undefined ? [] : [['model', found]];
}

/** The settings of the picture, with those of the other models that are compared. */
function readRecipes(search: URLSearchParams, models: readonly Model[]): ReturnType<typeof readRecipe> {
  // Those that stand there several times would be noted.
  const asked = [...namedModel(search, models), ...search].filter(([name]) => !NAMES.includes(name));
  const { model } = readRecipe(new URLSearchParams(asked), models).settings;
  const values = new Set([...search.getAll('xs'), ...search.getAll('ys')]);
  const others = models.filter(({ name }) => name !== model && values.has(name));
  const rest = asked.filter((entry) => !others.some(({ name }) => isOwn(entry, name)));
  const recipe = readRecipe(new URLSearchParams(rest), models, NAMES);
  return others.reduce((all, { name }) => {
    const its = asked.filter((entry) => isOwn(entry, name));
    if (its.length === 0) return all;
    const one = readRecipe(new URLSearchParams([['model', name], ...its]), models);
    const own = { ...all.settings.own, ...one.settings.own };
    return { settings: { ...all.settings, own }, notes: [...all.notes, ...one.notes] };
  }, recipe);
}

export function readComparison(search: URLSearchParams, models: readonly Model[]): ReadComparison {
  const recipe = readRecipes(search, models);
  const notes = [...recipe.notes];
  // One picture of one class: what would be `each` is the first.
  const label = recipe.settings.label === 'each' ? 0 : recipe.settings.label;
  const settings: Settings = { ...recipe.settings, label, count: 1, isLocked: true };
  const choices = choicesOf([models.find(({ name }) => name === settings.model)!]);
  const usual = firstAxis(settings, models);
  const known = (setting: string | null): Choice | null => {
    const choice = choices.find((one) => one.setting === setting) ?? null;
    if (setting !== null && !choice) {
      notes.push(
        `The address compares “${setting.slice(0, 80)}”, which ${settings.model} does not have. Taken instead: ${usual.setting}.`,
      );
    }
    return choice;
  };
  const xChoice = known(search.get('x')) ?? choices.find(({ setting }) => setting === usual.setting)!;
  const yChoice = known(search.get('y'));
  const values = (choice: Choice, name: string) => {
    const asked = [...new Set(search.getAll(name))].slice(0, MOST_CELLS);
    return asked.length > 0 ? asked : firstValues(choice, settings, models);
  };
  const x = { setting: xChoice.setting, values: values(xChoice, 'xs') };
  const isTwice = yChoice?.setting === x.setting;
  const y = yChoice && !isTwice ? { setting: yChoice.setting, values: values(yChoice, 'ys') } : null;
  return { comparison: { settings, x, y }, ids: search.getAll('g'), notes };
}

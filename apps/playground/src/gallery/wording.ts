import type { Model, StoredGeneration } from '../api/operations.ts';
import { wordsOf } from '../api/label.ts';
import { subjectName } from '../runs/sentences.ts';
import { optionTitle, readable } from '../settings/options.tsx';
import { stateNames } from './filter.ts';

/* How a generation is called: for eyes, and as the name of its tile. */

/** What its pictures show: one class, or several. */
export function subjectOf(generation: Pick<StoredGeneration, 'images'>, model: Model | undefined): string {
  const names = [...new Set(generation.images.map((image) => subjectName(image, model)))];
  return names.length > 3 ? `${names.slice(0, 3).join(', ')} …` : names.join(', ');
}

/** `4 pictures of 7, edited, seed 43, digits-var, finished, 14:03` */
export function nameOf(generation: StoredGeneration, model: Model | undefined): string {
  const { images, seed, modelName, state, createdAt, edit } = generation;
  const count = images.length === 1 ? 'Picture' : `${images.length} pictures`;
  const how = stateNames[state].toLowerCase();
  return `${count} of ${subjectOf(generation, model)}${edit ? ', edited' : ''}, seed ${seed}, ${modelName}, ${how}, ${timeOf(createdAt)}`;
}

const time = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' });

export function timeOf(at: string): string {
  return time.format(new Date(at));
}

/** The pictures that a condition was given, by the name of their field. */
function picturesOf({ condition }: StoredGeneration['images'][number]): readonly Setting[] {
  if (condition.__typename !== 'InputCondition') return [];
  return Object.entries(condition.input).flatMap(([name, value]) =>
    typeof value === 'string' && value.startsWith('data:image/') ? [{ name: readable(name), value }] : [],
  );
}

export interface Setting {
  readonly name: string;
  /** A picture is a data URL. */
  readonly value: string;
}

/** Everything that was asked for, in the order in which people think of it. What was left out has the model's default. */
export function settingsOf(generation: StoredGeneration, image: number, model: Model | undefined): readonly Setting[] {
  const { modelName, images, guidance, options, edit } = generation;
  const defaults = (model?.options['properties'] ?? {}) as Readonly<Record<string, { readonly default?: unknown }>>;
  const names = [...new Set([...Object.keys(defaults), ...Object.keys(options)])];
  const pull = guidance ?? model?.defaults.guidance;
  return [
    { name: 'Model', value: modelName },
    ...(edit ? [{ name: 'Edited', value: 'a part of a picture' }] : []),
    {
      name: wordsOf(images[image]!) === null ? 'Class' : 'Shows',
      value: subjectOf({ images: [images[image]!] }, model),
    },
    ...picturesOf(images[image]!),
    { name: 'Seed', value: String(images[image]!.seed) },
    ...(pull === undefined || model?.guidanceOff === null ? [] : [{ name: 'Guidance', value: String(pull) }]),
    ...names.flatMap((name) => {
      const value = options[name] ?? defaults[name]?.default;
      return value === undefined ? [] : [{ name: optionTitle(name), value: String(value) }];
    }),
  ];
}

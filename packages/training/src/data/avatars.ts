import { attributeValues, type AvatarStyle, captionsOf, drawnWith, wordOf } from '@tessera/avatars';
import { type AvatarPlan, avatarSplits, drawDistinct, type SplitName } from './avatar-pictures.ts';
import { type Attribute, byteSplit, type DataSet, type ShowProgress } from './data-set.ts';
import { pickFields } from './input-fields.ts';
import { cachedPictures, type Pictures } from './picture-cache.ts';

/** Avatars by style, drawn when they are first asked for. The styles are the classes. */
interface AvatarData {
  readonly size: number;
  /** Training images of each class. */
  readonly perClass: number;
  /** Images of each class to validate, and to test. */
  readonly validation: number;
  readonly test: number;
  readonly styles: readonly AvatarStyle[];
  /** The most images to train on, of all classes alike; 0: all. */
  readonly limit: number;
  /** What of an image goes into its inputs: `text`, `class`, `attributes`. */
  readonly input: readonly string[];
  readonly progress: ShowProgress;
}

/**
 * Draws the avatars of a recipe, or takes them from the user's cache. No two pictures are equal, so none that is held out is
 * trained on. The test images do not depend on how many there are of the others, and no image on the recipe's seed.
 * @throws TesseraError `avatars-exhausted`
 */
export async function openAvatars({ limit, input, progress, ...data }: AvatarData): Promise<DataSet> {
  const { size, perClass, validation, test, styles } = data;
  const image = { height: size, width: size, channels: 3 };
  const plan: AvatarPlan = {
    size,
    styles,
    perSplit: { test, validation, train: perClass },
    attributes: attributesOf(styles),
  };
  const pictures = await cachedPictures('avatars', {
    image,
    madeOf: JSON.stringify({ drawnWith: drawnWith(), size, styles, perSplit: plan.perSplit }),
    make: () => drawDistinct(plan, progress('avatars')),
  });
  const inputs = input.length > 0 ? inputsOf(pictures, plan, input) : undefined;
  const split = (name: SplitName) => {
    const before = avatarSplits
      .slice(0, avatarSplits.indexOf(name))
      .reduce((sum, other) => sum + plan.perSplit[other], 0);
    const count = plan.perSplit[name] * styles.length;
    const length = name === 'train' && limit > 0 ? Math.min(limit, count) : count;
    const members = Int32Array.from({ length }, (_, i) => before * styles.length + i);
    return byteSplit({ ...pictures, image, ...(inputs && { inputs }) }, members);
  };
  return {
    name: 'avatars of DiceBear (CC0 1.0)',
    classes: styles,
    image,
    attributes: plan.attributes,
    ...(input.includes('text') && { said: saidOf(plan) }),
    train: split('train'),
    validation: split('validation'),
    test: split('test'),
  };
}

/** What the avatars of these styles can have: `pixel-art.glasses`: `none`, `dark01`, ... */
function attributesOf(styles: readonly AvatarStyle[]): Attribute[] {
  return styles.flatMap((style, label) =>
    Object.entries(attributeValues(style)).map(([name, values]) => ({ name: `${style}.${name}`, values, label })),
  );
}

/** The fields of an avatar that a recipe may choose for its inputs. */
export const avatarFields = ['text', 'class', 'attributes'] as const;

/** A row for each caption of each picture. */
function inputsOf({ label_N, attribute_NA }: Pictures, { styles, attributes }: AvatarPlan, fields: readonly string[]) {
  const columns = attributes.length;
  return Array.from(label_N, (label, n) => {
    const style = styles[label]!;
    const known = Object.fromEntries(
      attributes.flatMap(({ name, values, label: of }, column) =>
        of === label ? [[ownName(name), values[attribute_NA![n * columns + column]!]!] as const] : [],
      ),
    );
    const texts = fields.includes('text') ? captionsOf(style, known, String(n)) : [''];
    return texts.map((text) => pickFields({ text, class: style, attributes: known }, fields));
  });
}

/** What captions say of each value of each attribute. */
function saidOf({ attributes, styles }: AvatarPlan): (readonly (string | null)[])[] {
  return attributes.map(({ name, values, label }) =>
    values.map((value) => wordOf(styles[label]!, ownName(name), value)),
  );
}

/** `glasses` of `pixel-art.glasses`. */
function ownName(name: string): string {
  return name.slice(name.indexOf('.') + 1);
}

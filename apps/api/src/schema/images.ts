import { labelOf, rowsOf, type Box, type Condition, type EditRequest } from '@tessera/request';
import type { Generation } from '@tessera/store';
import type { ApiBuilder } from './builder.ts';
import type { NodeRef, Picture } from './nodes.ts';

export type PictureRef = ReturnType<typeof addPicture>;

const oldText = 'Null of pictures that an earlier version of this server has made.';

/** A stored picture by the hash of its content: a finished image, a preview or an upload. */
export function addPicture(builder: ApiBuilder, node: NodeRef) {
  return builder.objectRef<Picture>('Picture').implement({
    description: 'A stored PNG. It never changes. An edit may name an upload or a finished image by its id.',
    interfaces: [node],
    fields: (t) => ({
      sha256: t.exposeString('sha256', { description: 'SHA-256 of the file, in hex.' }),
      url: t.field({
        type: 'URI',
        description: 'Where it is, on this server; signed, and good for 12 hours at least, where keys are needed.',
        resolve: ({ sha256 }, _args, { urls }) => urls.of(sha256),
      }),
      width: t.int({
        nullable: true,
        description: `In pixels. ${oldText}`,
        resolve: async ({ sha256 }, _args, { pictures }) => (await pictures.load(sha256))?.width ?? null,
      }),
      height: t.int({
        nullable: true,
        description: `In pixels. ${oldText}`,
        resolve: async ({ sha256 }, _args, { pictures }) => (await pictures.load(sha256))?.height ?? null,
      }),
      bytes: t.int({
        nullable: true,
        description: `Of the file. ${oldText}`,
        resolve: async ({ sha256 }, _args, { pictures }) => (await pictures.load(sha256))?.bytes ?? null,
      }),
    }),
  });
}

export function pictureOf(sha256: string): Picture {
  return { sha256 };
}

export function pictureOrNull(sha256: string | null | undefined): Picture | null {
  return sha256 == null ? null : pictureOf(sha256);
}

/** One image of a generation, asked for or finished. */
export interface Image {
  readonly seed: number;
  readonly condition: Condition;
  readonly picture: Picture | null;
}

export function imagesOf({ request, images }: Generation): Image[] {
  return rowsOf(request).map((row, i) => ({ ...row, picture: pictureOrNull(images[i]) }));
}

/** `Image`, and what it is to show. */
export function addImage(builder: ApiBuilder, picture: PictureRef) {
  const condition = addCondition(builder);
  return builder.objectRef<Image>('Image').implement({
    description: 'One image of a generation.',
    fields: (t) => ({
      seed: t.expose('seed', {
        type: 'SafeInt',
        description: 'It and the condition make the same image again, alone.',
      }),
      condition: t.field({ type: condition, description: 'What it is to show.', resolve: (image) => image.condition }),
      picture: t.field({
        type: picture,
        nullable: true,
        description: 'Null until the generation has completed.',
        resolve: (image) => image.picture,
      }),
    }),
  });
}

/** Each kind has a type of its own: another kind does not compile without one. */
const conditionTypes: Readonly<Record<Condition['kind'], string>> = {
  class: 'ClassCondition',
  input: 'InputCondition',
  none: 'NoCondition',
};

function addCondition(builder: ApiBuilder) {
  const kind = builder.enumType('ConditionKind', {
    description: 'Which kind of condition it is, as its type says too.',
    values: {
      CLASS: { value: 'class', description: 'A ClassCondition.' },
      INPUT: { value: 'input', description: 'An InputCondition.' },
      NONE: { value: 'none', description: 'A NoCondition.' },
    } as const satisfies Record<string, { value: Condition['kind']; description: string }>,
  });
  const condition = builder.interfaceRef<Condition>('Condition').implement({
    description: 'What an image is to show. Further kinds may come.',
    resolveType: (value) => conditionTypes[value.kind],
    fields: (t) => ({
      kind: t.field({ type: kind, description: 'Which kind it is.', resolve: (value) => value.kind }),
    }),
  });
  const interfaces = [condition];
  builder.objectRef<Extract<Condition, { kind: 'class' }>>(conditionTypes.class).implement({
    description: 'A class of the model.',
    interfaces,
    fields: (t) => ({ label: t.int({ description: 'Its number, from 0.', resolve: labelOf }) }),
  });
  builder.objectRef<Extract<Condition, { kind: 'input' }>>(conditionTypes.input).implement({
    description: 'What the condition part of the model read: a text, attributes, whatever Model.condition describes.',
    interfaces,
    fields: (t) => ({
      input: t.field({
        type: 'JSONObject',
        description: 'As the request said it.',
        resolve: (value) => value.input as object,
      }),
    }),
  });
  builder.objectRef<Extract<Condition, { kind: 'none' }>>(conditionTypes.none).implement({
    description: 'Nothing in particular.',
    interfaces,
  });
  return condition;
}

/** The edges of a rectangle, as GraphQL has them and a request. */
export const edges = ['x0', 'y0', 'x1', 'y1'] as const;

export const edgeTexts: Readonly<Record<(typeof edges)[number], string>> = {
  x0: 'The left edge.',
  y0: 'The upper edge.',
  x1: 'The right edge, beyond the left one.',
  y1: 'The lower edge, below the upper one.',
};
export const boxText = 'A rectangle in fractions of the image, 0 to 1, from the upper left corner.';

/** What a generation tells of its edit. */
export function addEdit(builder: ApiBuilder, picture: PictureRef) {
  const box = builder.objectRef<Box>('Box').implement({
    description: boxText,
    fields: (t) => ({
      x0: t.float({ description: edgeTexts.x0, resolve: ([x0]) => x0! }),
      y0: t.float({ description: edgeTexts.y0, resolve: ([, y0]) => y0! }),
      x1: t.float({ description: edgeTexts.x1, resolve: ([, , x1]) => x1! }),
      y1: t.float({ description: edgeTexts.y1, resolve: ([, , , y1]) => y1! }),
    }),
  });
  return builder.objectRef<EditRequest>('GenerationEdit').implement({
    description: 'The picture of which a part is redrawn, as requested: of its regions one is there, or none.',
    fields: (t) => ({
      image: t.field({ type: picture, description: 'The picture.', resolve: ({ image }) => pictureOf(image) }),
      mask: t.field({
        type: picture,
        nullable: true,
        description: 'White was redrawn, black stayed.',
        resolve: ({ mask }) => pictureOrNull(mask),
      }),
      inside: t.field({
        type: box,
        nullable: true,
        description: 'What is in it was redrawn.',
        resolve: ({ box, outside }) => (outside ? null : (box ?? null)),
      }),
      outside: t.field({
        type: box,
        nullable: true,
        description: 'What is outside of it was redrawn.',
        resolve: ({ box, outside }) => (outside ? (box ?? null) : null),
      }),
      place: t.field({
        type: box,
        nullable: true,
        description: 'The picture was shrunk into it, and everything around it was drawn.',
        resolve: ({ place }) => place ?? null,
      }),
    }),
  });
}

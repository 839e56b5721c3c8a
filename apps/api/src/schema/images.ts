import { labelOf, type Condition, type EditRequest } from '@tessera/request';
import type { Generation } from '../generations/event-log.ts';
import type { ApiBuilder } from './builder.ts';

export type PictureRef = ReturnType<typeof addPicture>;

/** A stored picture by the hash of its content: a finished image, a preview or an upload. */
export function addPicture(builder: ApiBuilder) {
  return builder.objectRef<string>('Picture').implement({
    description: 'A stored PNG. It never changes.',
    fields: (t) => ({
      id: t.id({
        description: 'SHA-256 of the file. An edit may name it.',
        resolve: (sha256) => sha256,
      }),
      url: t.string({
        description: 'Where it is, on this server; signed, and good for 12 hours at least, where keys are needed.',
        resolve: (sha256, _args, { urls }) => urls.of(sha256),
      }),
    }),
  });
}

/** One image of a generation, asked for or finished. */
export interface Image {
  readonly seed: number;
  readonly condition: Condition;
  readonly picture: string | null;
}

export function imagesOf({ request, images }: Generation): Image[] {
  return request.images.map(({ condition }, i) => ({ seed: request.seed + i, condition, picture: images[i] ?? null }));
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
const conditionTypes: Readonly<Record<Condition['kind'], string>> = { class: 'ClassCondition', none: 'NoCondition' };

function addCondition(builder: ApiBuilder) {
  const kind = builder.enumType('ConditionKind', {
    description: 'Which kind of condition it is, as its type says too.',
    values: {
      CLASS: { value: 'class', description: 'A ClassCondition.' },
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
  builder.objectRef<Extract<Condition, { kind: 'none' }>>(conditionTypes.none).implement({
    description: 'Nothing in particular: the null class of a model of classes.',
    interfaces,
  });
  return condition;
}

const boxText = 'x0, y0, x1, y1 in fractions of the image, from the upper left corner.';

/** What a generation tells of its edit: every field of the request's. */
export function addEdit(builder: ApiBuilder, picture: PictureRef) {
  return builder.objectRef<EditRequest>('GenerationEdit').implement({
    description: 'The picture of which a part is redrawn, as requested.',
    fields: (t) =>
      ({
        image: t.field({ type: picture, description: 'The picture.', resolve: ({ image }) => image }),
        mask: t.field({
          type: picture,
          nullable: true,
          description: 'Null where no mask was sent.',
          resolve: ({ mask }) => mask ?? null,
        }),
        box: t.floatList({
          nullable: true,
          complexity: 4,
          description: `The rectangle that is redrawn: ${boxText}`,
          resolve: ({ box }) => (box ? [...box] : null),
        }),
        outside: t.boolean({
          description: 'True where what is outside of the box is redrawn instead.',
          resolve: ({ outside }) => outside ?? false,
        }),
        place: t.floatList({
          nullable: true,
          complexity: 4,
          description: `Where the picture was put, shrunk: ${boxText}`,
          resolve: ({ place }) => (place ? [...place] : null),
        }),
      }) satisfies Record<keyof EditRequest, unknown>,
  });
}

/** What createGeneration takes of an edit: every field of the request's. */
export function addEditInput(builder: ApiBuilder) {
  return builder.inputType('EditInput', {
    description:
      'A picture of which a part is redrawn: of mask, box and place at most one says which. Without them its ' +
      'transparent parts are. Every kept pixel is in the images as it was given.',
    fields: (t) =>
      ({
        image: t.id({
          required: true,
          description: 'The id of an upload (POST /v1/uploads), or of the picture of a finished image.',
        }),
        mask: t.id({
          description: 'A picture too, of the shape of the image or of the model: white is redrawn, black stays.',
        }),
        box: t.floatList({ description: `The rectangle to redraw: ${boxText}` }),
        outside: t.boolean({ description: 'Redraw what is outside of the box instead.' }),
        place: t.floatList({
          description: `The picture is shrunk into this rectangle and everything around it is redrawn: ${boxText}`,
        }),
      }) satisfies Record<keyof EditRequest, unknown>,
  });
}

import type { EditRequest } from '../generations/edit-request.ts';
import type { ApiBuilder } from './builder.ts';

const boxText = 'x0, y0, x1, y1 in fractions of the image, from the upper left corner.';

/** What createGeneration takes of an edit. */
export function addEditInput(builder: ApiBuilder) {
  return builder.inputType('EditInput', {
    description:
      'A picture of which a part is redrawn: of mask, box and place at most one says which. Without them its ' +
      'transparent parts are. Every kept pixel is in the images as it was given.',
    fields: (t) => ({
      image: t.id({
        required: true,
        description: 'The id of an upload (POST /v1/uploads), or the hash in the URL of a finished image.',
      }),
      mask: t.id({
        description: 'A picture too, of the shape of the image or of the model: white is redrawn, black stays.',
      }),
      box: t.floatList({ description: `The rectangle to make anew: ${boxText}` }),
      outside: t.boolean({ description: 'Make anew what is outside of the box instead.' }),
      place: t.floatList({
        description: `The picture is shrunk into this rectangle and everything around it is redrawn: ${boxText}`,
      }),
    }),
  });
}

/** What a generation tells of its edit. */
export function addEditType(builder: ApiBuilder) {
  return builder.objectRef<EditRequest>('GenerationEdit').implement({
    description: 'As requested. Its pictures are at /images/<id>.png.',
    fields: (t) => ({
      image: t.exposeID('image', { description: 'The picture.' }),
      mask: t.id({ nullable: true, description: 'Null where no mask was sent.', resolve: ({ mask }) => mask ?? null }),
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
    }),
  });
}

export { anything, byKind, fieldsOf, nullable, record, type FieldsType, type FieldType } from './fields.ts';
export type { JsonSchema, Schema } from './json-schema.ts';
export {
  isPictureText,
  mostOfPicture,
  pictureField,
  pictureText,
  wrongSize,
  type PictureBytes,
  type PictureSize,
  type PictureValue,
} from './picture.ts';
export { nearestName } from './nearest-name.ts';
export { schema, type Field, type Place } from './schema.ts';
export { schemaFrom, type OutputOf, type StandardSchema } from './standard-schema.ts';

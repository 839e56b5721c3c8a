import type { ApiBuilder } from './builder.ts';

/** Values inside each other: far more than any option needs, and far from the end of the stack. */
const MOST_DEPTH = 16;

/** Objects whose fields the schema cannot know: they are the model's. */
export function addJsonObject(builder: ApiBuilder): void {
  builder.scalarType('JSONObject', {
    description: `An object of JSON values, at most ${MOST_DEPTH} inside each other.`,
    specifiedByURL: 'https://www.rfc-editor.org/rfc/rfc8259#section-4',
    serialize: (value) => value,
    parseValue: parseJsonObject,
  });
}

function parseJsonObject(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new TypeError('JSONObject must be an object');
  }
  if (!isShallow(value, MOST_DEPTH)) throw new TypeError(`JSONObject must be at most ${MOST_DEPTH} values deep`);
  return value as Readonly<Record<string, unknown>>;
}

function isShallow(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return true;
  return depth > 0 && Object.values(value).every((one) => isShallow(one, depth - 1));
}

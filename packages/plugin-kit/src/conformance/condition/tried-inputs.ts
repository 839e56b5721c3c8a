import type { JsonSchema } from '@tessera/schema';

/** An input like one of the author's, with one field changed. */
export interface TriedInput {
  /** Where the field lies and what it is, as `text = ""`. */
  readonly called: string;
  readonly input: unknown;
  /** Inputs of one group differ in a number or a choice: each must be embedded as something else. */
  readonly group: string | null;
}

/** More words than any text has places, and more items than a list is meant for. */
const MANY = 100;

/** Inputs like the given one that a request may hold too: numbers at their bounds and between, texts and lists that are empty or long. */
export function triedAround(json: JsonSchema, input: unknown): TriedInput[] {
  return fieldsOf(json, input).flatMap(({ path, json: own, value, put }) => {
    const { values, differ } = valuesFor(own, value);
    const name = path === '' ? 'the input' : path;
    return values.map((one) => ({
      called: `${name} = ${shortly(one)}`,
      input: put(one),
      group: differ ? name : null,
    }));
  });
}

interface FieldOf {
  readonly path: string;
  readonly json: JsonSchema;
  readonly value: unknown;
  /** The whole input with another value here. */
  readonly put: (value: unknown) => unknown;
}

function fieldsOf(json: JsonSchema, value: unknown, path = '', put = (one: unknown) => one): FieldOf[] {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return [{ path, json, value, put }];
  return Object.entries(value).flatMap(([name, own]) =>
    fieldsOf(json.properties?.[name] ?? {}, own, path === '' ? name : `${path}.${name}`, (one) =>
      put({ ...value, [name]: one }),
    ),
  );
}

function valuesFor(
  json: JsonSchema,
  value: unknown,
): { readonly values: readonly unknown[]; readonly differ: boolean } {
  if (json.enum) return { values: json.enum, differ: true };
  if (typeof value === 'boolean') return { values: [false, true], differ: true };
  if (typeof value === 'string')
    return { values: ['', '!?', value.toUpperCase(), Array<string>(MANY).fill(value).join(' ')], differ: false };
  if (Array.isArray(value)) return { values: [[], Array<unknown[]>(MANY).fill(value).flat()], differ: false };
  if (typeof value !== 'number') return { values: [], differ: false };
  const { minimum = Math.min(0, value), maximum = Math.max(1, 2 * value) } = json;
  const between = [minimum, minimum + (maximum - minimum) / 4, (minimum + maximum) / 2, maximum];
  return { values: [...new Set(json.type === 'integer' ? between.map(Math.floor) : between)], differ: true };
}

function shortly(value: unknown): string {
  const text = JSON.stringify(value);
  return text.length > 40 ? `${text.slice(0, 40)}... (${text.length} characters)` : text;
}

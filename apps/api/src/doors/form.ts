import { TesseraError } from '@tessera/errors';
import type { JsonSchema } from '@tessera/schema';

/** A multipart form whose texts are values again, as its JSON Schema has them. */
export interface Form {
  readonly values: Readonly<Record<string, unknown>>;
  /** Files by name; several may have one. */
  readonly files: Readonly<Record<string, readonly Uint8Array[]>>;
}

/**
 * Reads a body of `multipart/form-data` that is in memory. Lists are written `box[]`, records `options[steps]`, as
 * OpenAI's clients do.
 * @throws TesseraError `malformed-body`
 */
export async function readForm(body: Uint8Array, contentType: string, { properties = {} }: JsonSchema): Promise<Form> {
  const values: Record<string, unknown> = {};
  const files: Record<string, Uint8Array[]> = {};
  for (const [key, entry] of await entriesOf(body, contentType)) {
    const [, name = key, inner] = /^([^[]+)\[([^\]]*)\]$/.exec(key) ?? [];
    // Names of everything's own properties are names of nothing here.
    if (name in Object.prototype) continue;
    if (typeof entry !== 'string') {
      (files[name] ??= []).push(new Uint8Array(await entry.arrayBuffer()));
      continue;
    }
    const field = Object.hasOwn(properties, name) ? properties[name]! : {};
    if (inner === undefined) values[name] = valueOf(entry, field);
    else if (inner === '') values[name] = [...asList(values[name]), valueOf(entry, field.items ?? {})];
    else values[name] = { ...asRecord(values[name]), [inner]: valueOf(entry, {}) };
  }
  return { values, files };
}

type Entry = [string, string | Blob];

async function entriesOf(body: Uint8Array, contentType: string): Promise<Entry[]> {
  try {
    const form = await new Response(body, { headers: { 'content-type': contentType } }).formData();
    return [...form.entries()] as Entry[];
  } catch (cause) {
    throw new TesseraError({
      code: 'malformed-body',
      who: 'images',
      got: 'a form that cannot be read',
      expected: 'multipart/form-data with its boundary',
      next: 'Let a library write the form.',
      cause,
    });
  }
}

/** A text stays one where its schema says so; what is no JSON stays one too, and is refused by the schema. */
function valueOf(text: string, { type }: JsonSchema): unknown {
  if (type === 'string') return text;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

function asList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function asRecord(value: unknown): object {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : {};
}

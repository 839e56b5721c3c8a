import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseJson, TesseraError } from '@tessera/errors';
import { anything, record, schema } from '@tessera/schema';
import type { CasesOptions } from '../options.ts';

const { object, integer, number, string, list, optional } = schema;

const given = <T>(field: Parameters<typeof optional<T, undefined>>[0]) => optional(field, undefined);

/** The options of `cases` that a package says of each of its parts. How long something may take is not for it to say. */
const settings = object({
  config: given(anything),
  options: given(record),
  values: given(record),
  neutral: given(record),
  departs: given(record),
  targets: given(list(string(), { min: 1 })),
  space: given(record),
  layout: given(record),
  inputs: given(list(anything)),
  learning: given(object({ steps: integer({ min: 1, max: 20_000 }), rate: number({ min: 0 }) })),
  own: given(list(anything)),
  seed: given(integer({ min: 0 })),
});

/**
 * Reads `conformance.json` of a package: by the names of its parts, what the kit is to know of them (`CasesOptions`), and their
 * author's own cases. A package without this file says nothing.
 * @throws TesseraError `conformance-malformed`, or `field-invalid`, `field-unknown` with the field's path
 */
export function readConformance(file: string | URL): Readonly<Record<string, CasesOptions>> {
  const path = typeof file === 'string' ? file : fileURLToPath(file);
  if (!existsSync(path)) return {};
  const refusal = { code: 'conformance-malformed', who: path, expected: 'an object with the names of parts' };
  const json = parseJson(readFileSync(path), refusal);
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    throw new TesseraError({ ...refusal, got: Array.isArray(json) ? 'a list' : String(json) });
  return Object.fromEntries(
    Object.entries(json).map(([name, value]) => {
      const read = settings.read(value, { who: path, path: name });
      return [name, Object.fromEntries(Object.entries(read).filter(([, one]) => one !== undefined)) as CasesOptions];
    }),
  );
}

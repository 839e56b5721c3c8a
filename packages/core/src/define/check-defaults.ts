import type { StandardSchemaV1 } from '@standard-schema/spec';
import { TesseraError } from '@tessera/errors';
import type { JsonSchema } from '../plugin.ts';
import { pathOf } from './issue-path.ts';

/**
 * Libraries give a default without looking at it. Here a schema is asked for an object of all its defaults: issues of
 * those, and not of fields that are missing, are faults of the definition.
 * @throws TesseraError `default-invalid`
 */
export function checkDefaults(json: JsonSchema, validate: StandardSchemaV1.Props['validate'], who: string): void {
  const paths: string[] = [];
  const given = defaultsOf(json, '', paths);
  if (paths.length === 0) return;
  const result = validate(given);
  if (result instanceof Promise || !result.issues) return;
  for (const { path = [], message } of result.issues) {
    const at = pathOf(path);
    if (paths.some((one) => at === one || at.startsWith(`${one}.`) || at.startsWith(`${one}[`))) {
      throw new TesseraError({
        code: 'default-invalid',
        who,
        got: `a default of ${at} that its own schema refuses: ${message}`,
        expected: 'a default that it accepts',
        next: 'Correct the default or the schema.',
      });
    }
  }
}

/** An object of all defaults below; `paths` learns where they stand. */
function defaultsOf({ properties = {} }: JsonSchema, at: string, paths: string[]): object {
  const entries = Object.entries(properties).flatMap(([name, property]): [string, unknown][] => {
    const path = at === '' ? name : `${at}.${name}`;
    if (property.default !== undefined) {
      paths.push(path);
      return [[name, property.default]];
    }
    return property.properties ? [[name, defaultsOf(property, path, paths)]] : [];
  });
  return Object.fromEntries(entries);
}

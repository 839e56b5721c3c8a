import { checkOptionNames } from '../loop-options.ts';
import type { Schema } from '../plugin.ts';
import { schemaFrom, type OutputOf, type StandardSchema } from './standard-schema.ts';

/** Request-time options of a part. @throws TesseraError `schema-foreign`, `default-invalid`, `option-taken`, `option-name` */
export function optionsFrom<S extends StandardSchema>(given: S, name: string): Schema<OutputOf<S>> {
  const options = schemaFrom(given, `${name} options`);
  checkOptionNames(name, options.json);
  return options;
}

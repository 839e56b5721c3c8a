import { checkOptionNames } from '@tessera/core';
import { type OutputOf, type Schema, schemaFrom, type StandardSchema } from '@tessera/schema';

/** Request-time options of a part. @throws TesseraError `schema-foreign`, `default-invalid`, `option-taken`, `option-name` */
export function optionsFrom<S extends StandardSchema>(given: S, name: string): Schema<OutputOf<S>> {
  const options = schemaFrom(given, `${name} options`);
  checkOptionNames(name, options.json);
  return options;
}

/** The chosen fields of what is known of an image: an input as conditions read it. Fields that a row lacks are left out. */
export function pickFields(
  row: Readonly<Record<string, unknown>>,
  fields: readonly string[],
): Readonly<Record<string, unknown>> {
  return Object.fromEntries(fields.flatMap((name) => (Object.hasOwn(row, name) ? [[name, row[name]] as const] : [])));
}

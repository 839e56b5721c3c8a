import type { AnyPlugin } from '@tessera/core';
import type { JsonSchema } from '@tessera/schema';

/** A configuration with one field changed, as `channels = 3`. */
export interface OtherConfig {
  readonly config: unknown;
  readonly called: string;
}

/** Other configurations of a part: the given one, with one plain field changed to the first value that the schema takes. */
export function otherConfigs(
  { config: schema, name: who }: Pick<AnyPlugin, 'config' | 'name'>,
  given: unknown,
): OtherConfig[] {
  const usual = schema.parse(given, who) as Readonly<Record<string, unknown>>;
  return Object.entries(schema.json.properties ?? {}).flatMap(([name, json]) => {
    for (const value of candidatesOf(json, usual[name])) {
      try {
        return [
          {
            config: schema.parse({ ...(given as object), [name]: value }, who),
            called: `${name} = ${JSON.stringify(value)}`,
          },
        ];
      } catch {
        // Fields depend on one another.
      }
    }
    return [];
  });
}

function candidatesOf(
  { type, enum: choices, minimum = -Infinity, maximum = Infinity }: JsonSchema,
  usual: unknown,
): readonly unknown[] {
  if (choices) return choices.filter((one) => one !== usual);
  if (type === 'boolean') return [!usual];
  if ((type !== 'number' && type !== 'integer') || typeof usual !== 'number') return [];
  const near = type === 'integer' ? [3, 2, usual + 1, usual - 1, 2 * usual] : [usual * 0.75, usual / 2, usual * 2];
  return near.filter((one) => one !== usual && one >= minimum && one <= maximum);
}

import { TesseraError } from '@tessera/errors';
import type { JsonSchema, Schema } from './plugin.ts';
import { schema } from './schema.ts';

const { described, number, object, optional } = schema;

/** What the loop itself lets a request choose, where the backbone keeps no caches. */
export const loopOptions: Schema<{ readonly guidanceFrom: number }> = object({
  guidanceFrom: described(
    optional(number({ min: 0, max: 1 }), 0),
    'Guidance begins after this share of the steps; the steps before cost half. 0 guides all of them.',
  ),
});

const taken = Object.keys(loopOptions.json.properties!);

/** Options are chosen by `--set NAME=VALUE` and stand in forms. */
const pattern = /^[a-z][\w-]*$/i;

/**
 * Whether requests can choose the options of a part by their names.
 * @throws TesseraError `option-taken` for a name of the loop's own, `option-name` for one that no request can say
 */
export function checkOptionNames(who: string, { properties = {} }: JsonSchema): void {
  for (const name of Object.keys(properties)) {
    if (taken.includes(name)) {
      throw new TesseraError({
        code: 'option-taken',
        who,
        got: `an option ${name}`,
        expected: `another name: the sampling loop has an option ${name} of its own`,
        next: 'Rename it.',
      });
    }
    if (!pattern.test(name)) {
      throw new TesseraError({
        code: 'option-name',
        who,
        got: `an option named ${JSON.stringify(name)}`,
        expected: 'a letter, then letters, digits, _ or -: a request names it',
        next: 'Rename it.',
      });
    }
  }
}

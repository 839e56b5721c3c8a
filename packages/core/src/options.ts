import { TesseraError } from '@tessera/errors';
import type { HeadPlugin, JsonSchema, OrderPlugin, Schema } from './contracts.ts';
import { nearestName } from './nearest-name.ts';
import type { Layout, SpaceShape } from './tokens.ts';

/** The parts that have request-time options, and the tokens that bound them. */
export interface OptionParts {
  readonly order: Pick<OrderPlugin, 'name' | 'options'>;
  readonly head: Pick<HeadPlugin, 'name' | 'options'>;
  readonly layout: Layout;
  readonly space: SpaceShape;
}

/** Longer names would swamp the sentence. */
const longestName = 60;

type Given = Readonly<Record<string, unknown>>;

/**
 * What a request may choose of a composition: the properties of order and head in one object.
 * @throws TesseraError `option-twice` where both have one of the same name
 */
export function optionsOf(
  parts: OptionParts,
): JsonSchema & { readonly properties: Readonly<Record<string, JsonSchema>> } {
  const order = propertiesOf(parts.order.options(parts.layout));
  const head = propertiesOf(parts.head.options(parts.space));
  const twice = Object.keys(order).find((name) => Object.hasOwn(head, name));
  if (twice === undefined) return { type: 'object', properties: { ...order, ...head }, additionalProperties: false };
  throw new TesseraError({
    code: 'option-twice',
    who: 'compose',
    got: `an option ${twice} of both the order ${parts.order.name} and the head ${parts.head.name}`,
    expected: 'a name of its own for every option',
    next: 'Exchange one of the two.',
  });
}

/**
 * Reads the options of a request, each by the schema of the part that it belongs to.
 * @throws TesseraError `option-unknown`, and what the schemas throw
 */
export function readOptions(parts: OptionParts, given: Given, who: string): { order: unknown; head: unknown } {
  const known = Object.keys(optionsOf(parts).properties);
  for (const name of Object.keys(given)) {
    if (known.includes(name)) continue;
    const shown = name.length <= longestName ? name : `${name.slice(0, longestName)}...`;
    const near = nearestName(shown, known);
    throw new TesseraError({
      code: 'option-unknown',
      who,
      got: `the unknown option ${shown}`,
      expected: known.length === 0 ? 'no options at all' : `only ${known.join(', ')}`,
      next: near === null ? 'Remove it.' : `Did you mean ${near}?`,
    });
  }
  const read = (schema: Schema<unknown>): unknown => {
    const own = Object.keys(propertiesOf(schema)).filter((name) => Object.hasOwn(given, name));
    return schema.parse(Object.fromEntries(own.map((name) => [name, given[name]])), who);
  };
  return { order: read(parts.order.options(parts.layout)), head: read(parts.head.options(parts.space)) };
}

function propertiesOf({ json }: Schema<unknown>): Readonly<Record<string, JsonSchema>> {
  return json.properties ?? {};
}

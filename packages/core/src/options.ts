import { TesseraError } from '@tessera/errors';
import { nearestName, schema, type JsonSchema, type Schema } from '@tessera/schema';
import { spaceFor } from './factors.ts';
import type { HeadPlugin, OrderPlugin } from './plugin.ts';
import type { Layout, SpaceShape } from './tokens.ts';

/** The parts that have request-time options, and the tokens that bound them. */
export interface OptionParts {
  readonly order: Pick<OrderPlugin, 'name' | 'options'>;
  readonly head: Pick<HeadPlugin, 'name' | 'space' | 'options'>;
  readonly layout: Layout;
  readonly space: SpaceShape;
  /** Whether the backbone keeps caches: then no row can be left out at a single step. */
  readonly remembers: boolean;
}

/** Longer names are cut in sentences, in characters. */
const longestName = 60;

/** Options of a request, keyed by the part that they belong to. Tokenizers and backbones have none so far. */
export interface PartOptions {
  readonly order: unknown;
  readonly head: unknown;
}

/** The same, with the loop's own options. */
export interface ReadOptions extends PartOptions {
  readonly loop: LoopOptions;
}

type Given = Readonly<Record<string, unknown>>;

/**
 * What a request may choose of a composition: the properties of order, head and loop in one object.
 * @throws TesseraError `option-twice` where order and head have one of the same name, `option-taken`, `option-name`
 */
export function optionsOf(
  parts: OptionParts,
): JsonSchema & { readonly properties: Readonly<Record<string, JsonSchema>> } {
  const order = propertiesOf(orderOptions(parts));
  const head = propertiesOf(headOptions(parts));
  const loop = propertiesOf(loopOf(parts));
  const twice = Object.keys(order).find((name) => Object.hasOwn(head, name));
  if (twice === undefined) {
    return { type: 'object', properties: { ...order, ...head, ...loop }, additionalProperties: false };
  }
  throw new TesseraError({
    code: 'option-twice',
    who: 'compose',
    got: `an option ${twice} of both the order ${parts.order.name} and the head ${parts.head.name}`,
    expected: 'a different name for every option',
    next: 'Exchange one of the two.',
  });
}

/**
 * Reads the options of requests, each by the schema of the part that it belongs to. The parts are asked for their schemas
 * once: `who` of each request completes what is thrown.
 * @throws TesseraError as `optionsOf`; when it reads `option-unknown`, and what the schemas throw
 */
export function optionReader(parts: OptionParts): (given: Given, who: string) => ReadOptions {
  const known = Object.keys(optionsOf(parts).properties);
  const read = {
    order: readerOf(orderOptions(parts)),
    head: readerOf(headOptions(parts)),
    loop: readerOf(loopOf(parts)),
  };
  return (given, who) => {
    checkNames(known, given, who);
    return {
      order: read.order(given, who),
      head: read.head(given, who),
      loop: { guidanceFrom: 0, ...(read.loop(given, who) as Partial<LoopOptions>) },
    };
  };
}

/** Reads those of the given options that a schema knows. */
function readerOf(by: Schema<unknown>): (given: Given, who: string) => unknown {
  const names = Object.keys(propertiesOf(by));
  return (given, who) => {
    const own = names.filter((name) => Object.hasOwn(given, name));
    return by.parse(Object.fromEntries(own.map((name) => [name, given[name]])), who);
  };
}

function checkNames(known: readonly string[], given: Given, who: string): void {
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
}

function orderOptions({ order, layout }: OptionParts): Schema<unknown> {
  return order.options(layout);
}

function headOptions({ head, space }: OptionParts): Schema<unknown> {
  return head.options(spaceFor(head, space));
}

function loopOf({ remembers }: OptionParts): Schema<unknown> {
  return remembers ? schema.object({}) : loopOptions;
}

function propertiesOf({ json }: Schema<unknown>): Readonly<Record<string, JsonSchema>> {
  return json.properties ?? {};
}

interface LoopOptions {
  /** See `lateGuidance`. */
  readonly guidanceFrom: number;
}

/** What the loop itself lets a request choose, where the backbone keeps no caches. */
const loopOptions: Schema<LoopOptions> = schema.object({
  guidanceFrom: schema.described(
    schema.optional(schema.number({ min: 0, max: 1 }), 0),
    'Guidance begins after this share of the steps; the steps before cost half. 0 guides all of them.',
  ),
});

const taken = Object.keys(loopOptions.json.properties!);

/** Options are set by `--set NAME=VALUE` and by forms. */
const pattern = /^[a-z][\w-]*$/i;

/**
 * Whether requests can choose the options of a part by their names.
 * @throws TesseraError `option-taken` for a name of the loop's own, `option-name` for one that no request can write
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

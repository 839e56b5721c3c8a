import { TesseraError } from '@tessera/errors';
import { nearestName, schema, type JsonSchema, type Schema } from '@tessera/schema';
import { spaceFor } from './factors.ts';
import type { GuidancePlugin, HeadPlugin, OrderPlugin } from './plugin.ts';
import type { Layout, SpaceShape } from './tokens.ts';

/** The parts that have request-time options, and the tokens that bound them. */
export interface OptionParts {
  readonly order: Pick<OrderPlugin, 'name' | 'options'>;
  readonly head: Pick<HeadPlugin, 'name' | 'space' | 'options'>;
  readonly layout: Layout;
  readonly space: SpaceShape;
  /** Whether the backbone keeps caches: then no row can be left out at a single step. */
  readonly remembers: boolean;
  /** Whether it can leave the null class out from a step on. */
  readonly endsGuidance: boolean;
  /** What a request may name as `guidanceBy`, the model's own first (see `offeredGuidances`); left out: there is no choice. */
  readonly guidances?: readonly GuidancePlugin[];
}

/** Longer names are cut in sentences, in characters. */
const longestName = 60;

/** Options of a request, keyed by the part that they belong to. Tokenizers and backbones have none so far. */
export interface PartOptions {
  readonly order: unknown;
  readonly head: unknown;
}

/** The same, with the loop's own options, and the guidance that they name with the options of that. */
export interface ReadOptions extends PartOptions {
  readonly loop: LoopOptions;
  /** null: the model's own. */
  readonly guidance: { readonly plugin: GuidancePlugin; readonly options: unknown } | null;
}

type Given = Readonly<Record<string, unknown>>;

/**
 * What a request may choose of a composition: the properties of order, head, loop and guidances in one object. Those of a
 * guidance say by `onlyWith` that they count where a request names it.
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
    const guidances = (parts.guidances ?? []).map((plugin) => {
      const own = Object.entries(propertiesOf(plugin.options()));
      return Object.fromEntries(own.map(([name, one]) => [name, { ...one, onlyWith: { guidanceBy: plugin.name } }]));
    });
    const properties = Object.assign({}, order, head, loop, ...guidances) as Readonly<Record<string, JsonSchema>>;
    return { type: 'object', properties, additionalProperties: false };
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
 * once: `who` of each request completes what is thrown. `own` are the model's choices where a request makes none.
 * @throws TesseraError as `optionsOf`; when it reads `option-unknown`, and what the schemas throw
 */
export function optionReader(parts: OptionParts): (given: Given, who: string, own?: Given) => ReadOptions {
  const { properties } = optionsOf(parts);
  const read = {
    order: readerOf(orderOptions(parts)),
    head: readerOf(headOptions(parts)),
    loop: readerOf(loopOf(parts)),
  };
  const guidances = (parts.guidances ?? []).map((plugin) => ({ plugin, read: readerOf(plugin.options()) }));
  return (given, who, own = {}) => {
    const all = { ...own, ...given };
    checkNames(Object.keys(properties), all, who);
    const loop = { guidanceFrom: 0, guidanceUntil: 1, ...(read.loop(all, who) as Partial<LoopOptions>) };
    checkChosen(properties, { given, who, chosen: loop.guidanceBy });
    const named = guidances.find(({ plugin }) => plugin.name === loop.guidanceBy);
    return {
      order: read.order(all, who),
      head: read.head(all, who),
      loop,
      guidance: named ? { plugin: named.plugin, options: named.read(all, who) } : null,
    };
  };
}

interface Choice {
  readonly given: Given;
  readonly who: string;
  readonly chosen: string | undefined;
}

/** An option of a guidance that is not chosen would change nothing. */
function checkChosen(properties: Readonly<Record<string, JsonSchema>>, { given, who, chosen }: Choice): void {
  for (const name of Object.keys(given)) {
    const needed = properties[name]?.onlyWith?.['guidanceBy'];
    if (needed === undefined || needed === chosen) continue;
    throw new TesseraError({
      code: 'option-unused',
      who,
      got: `the option ${name} of ${needed}, with guidanceBy = ${chosen}`,
      expected: `guidanceBy = ${needed} with it`,
      next: `Name that guidance, or leave ${name} out.`,
    });
  }
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

function loopOf({ remembers, endsGuidance, guidances = [] }: OptionParts): Schema<unknown> {
  const [own, ...others] = guidances.map(({ name }) => name);
  return schema.object({
    ...(!remembers && { guidanceFrom }),
    ...(endsGuidance && { guidanceUntil }),
    ...(others.length > 0 && {
      guidanceBy: schema.described(
        schema.optional(schema.choice(own!, ...others), own!),
        'What says how strongly conditions pull at each step, and how predictions are mixed.',
      ),
    }),
  });
}

export function propertiesOf({ json }: Schema<unknown>): Readonly<Record<string, JsonSchema>> {
  return json.properties ?? {};
}

interface LoopOptions {
  /** See `guidanceWithin`. */
  readonly guidanceFrom: number;
  readonly guidanceUntil: number;
  /** Name of a guidance, where there is a choice. */
  readonly guidanceBy?: string;
}

/** What the loop itself lets a request choose, where the backbone keeps no caches. */
const guidanceFrom = schema.described(
  schema.optional(schema.number({ min: 0, max: 1 }), 0),
  'Guidance begins after this share of the steps; the steps before cost half. 0 guides all of them.',
);

/** The same, where the null class can be left out from a step on. */
const guidanceUntil = schema.described(
  schema.optional(schema.number({ min: 0, max: 1 }), 1),
  'Guidance ends after this share of the steps; the steps after cost half. 1 guides to the end.',
);

const taken = ['guidanceFrom', 'guidanceUntil', 'guidanceBy'];

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

import {
  checkOptionNames,
  disposedAfter,
  type AnyPlugin,
  type BackboneDims,
  type BackbonePlugin,
  type BuildContext,
  type ConditionPlugin,
  type GuidancePlugin,
  type HeadPlugin,
  type Held,
  type OrderPlugin,
  type Tokenizer,
  type TokenizerFacts,
  type TokenizerPlugin,
} from '@tessera/core';
import type { JsonSchema, Schema } from '@tessera/schema';
import { backboneFacts, conditionFacts, tokenizerFacts } from './facts.ts';
import { guardBackbone } from './guard-backbone.ts';
import { guardCondition } from './guard-condition.ts';
import { guardGuidance } from './guard-guidance.ts';
import { guardHead } from './guard-head.ts';
import { guardOrder } from './guard-order.ts';
import { guardSizes } from './guard-sizes.ts';
import { guardTokenizer } from './guard-tokenizer.ts';
import { callPart, checkMembers, misdescribed, wrongShape, type PartCall, type Report } from './part-call.ts';

export interface GuardOptions {
  /** No other code in this process makes tensors during a generation: a part that leaves some behind can be named. */
  readonly watchLeaks?: boolean;
  /** Takes a line about each call that lasts long; standard error by default. */
  readonly report?: Report;
}

/**
 * Guards a third-party plug-in: its exceptions and wrong results become errors that name it, from its configuration to
 * each call of what it builds.
 * @throws nothing itself; what it returns throws TesseraError `part-failed`, `part-shape`, `part-took`, `part-leaks`,
 * `part-numbers`, `part-misdescribed`, `layout-broken`
 */
export function guardPlugin<P extends AnyPlugin>(plugin: P, options: GuardOptions = {}): P {
  const guarded = {
    tokenizer: () => tokenizerGuarded(plugin as TokenizerPlugin, options),
    order: () => orderGuarded(plugin as OrderPlugin),
    backbone: () => backboneGuarded(plugin as BackbonePlugin, options),
    head: () => headGuarded(plugin as HeadPlugin, options),
    condition: () => conditionGuarded(plugin as ConditionPlugin),
    guidance: () => guidanceGuarded(plugin as GuidancePlugin),
  }[plugin.kind];
  return guarded() as AnyPlugin as P;
}

function tokenizerGuarded(plugin: TokenizerPlugin, { report }: GuardOptions): TokenizerPlugin {
  return {
    ...plugin,
    config: configOf(plugin),
    ...(plugin.sized && { sized: guardSizes(plugin.sized, plugin.name) }),
    describe: (config) => tokenizerFacts(plugin, config),
    build: (config, context) => {
      const said = factsOf(tokenizerFacts(plugin, config));
      return buildGuarded(
        plugin,
        () => plugin.build(config, context),
        (built, name) => {
          const tokenizer = guardTokenizer(built, name, report);
          checkDescribed(name, factsOf(tokenizer), said);
          return tokenizer;
        },
      );
    },
  };
}

function orderGuarded(plugin: OrderPlugin): OrderPlugin {
  return {
    ...plugin,
    config: configOf(plugin),
    options: (layout) => guardOptions(plugin.name, () => plugin.options(layout)),
    build: (config) =>
      buildGuarded(
        plugin,
        () => plugin.build(config),
        (order) => guardOrder(order, plugin),
      ),
  };
}

function conditionGuarded(plugin: ConditionPlugin): ConditionPlugin {
  const { name } = plugin;
  return {
    ...plugin,
    config: configOf(plugin),
    ...(plugin.fit && {
      fit: (config, inputs) => callPart({ name, call: 'fit()', quotes: true }, () => plugin.fit!(config, inputs)),
    }),
    describe: (config) => conditionFacts(plugin, config),
    input: (config) => guardSchema({ name, call: 'input()' }, () => plugin.input(config)),
    build: (config, dims, context) => {
      const { forms } = conditionFacts(plugin, config);
      return buildGuarded(
        plugin,
        () => plugin.build(config, dims, context),
        (built) => guardCondition(built, { name, forms, dims }),
      );
    },
  };
}

function guidanceGuarded(plugin: GuidancePlugin): GuidancePlugin {
  const { name } = plugin;
  return {
    ...plugin,
    config: configOf(plugin),
    options: () => guardOptions(name, () => plugin.options()),
    open: (request) => {
      const open = callPart({ name, call: 'open()', quotes: true }, () => plugin.open(request));
      return guardGuidance(open, { name, mixes: plugin.mixes !== undefined });
    },
  };
}

function backboneGuarded<P extends BackbonePlugin>(plugin: P, { watchLeaks: watch = false, report }: GuardOptions): P {
  return {
    ...plugin,
    config: configOf(plugin),
    describe: (config: unknown) => backboneFacts(plugin, config),
    build: (config: unknown, dims: BackboneDims, context: BuildContext) => {
      const { width, reads, remembers } = backboneFacts(plugin, config);
      return buildGuarded(
        plugin,
        () => plugin.build(config, dims, context) as ReturnType<P['build']>,
        (built, name) => {
          const backbone = guardBackbone(built, { name, watch, remembers, ...(report && { report }) });
          const got = `width ${backbone.width}, reads '${backbone.reads}'`;
          checkDescribed(name, got, `width ${width}, reads '${reads}'`);
          return backbone;
        },
      );
    },
  };
}

function headGuarded(plugin: HeadPlugin, { watchLeaks: watch = false, report }: GuardOptions): HeadPlugin {
  const confident = plugin.confident === true;
  return {
    ...plugin,
    config: configOf(plugin),
    options: (space) => guardOptions(plugin.name, () => plugin.options(space)),
    build: (config, dims, context) =>
      buildGuarded(
        plugin,
        () => plugin.build(config, dims, context),
        (built, name) => guardHead(built, { name, watch, space: dims.space, confident, ...(report && { report }) }),
      ),
  };
}

/** Its configuration; the plug-in's own code runs only when it is read. */
function configOf(plugin: AnyPlugin): Schema<unknown> {
  const { name } = plugin;
  return {
    get json() {
      return guardSchema({ name, call: 'config' }, () => plugin.config).json;
    },
    parse: (value, who) =>
      callPart({ name, call: 'config.parse()', quotes: true }, () => plugin.config.parse(value, who)),
  };
}

function factsOf({ space, layout, serves }: TokenizerFacts | Tokenizer): string {
  const vocabulary = space.kind === 'discrete' ? `, vocabulary ${space.vocabulary}` : '';
  const sizes = space.kind === 'factors' ? space.factors.map(({ levels, channels }) => `${levels}x${channels}`) : [];
  const factors = sizes.length > 0 ? `, factors ${sizes.join(' ')}` : '';
  const scales = layout.scales.map(({ height, width }) => `${height}x${width}`).join(' ');
  const tokens = `${space.kind} tokens of ${space.channels} channels${vocabulary}${factors}`;
  return `${tokens}, scales ${scales}, serves '${[...serves].sort().join("', '")}'`;
}

/** Builds a part by its own code and guards it. One that is refused is disposed. @throws TesseraError `part-failed`, `part-shape` */
function buildGuarded<T>({ name }: AnyPlugin, build: () => T, guard: (part: T, name: string) => T): T {
  const built = callPart({ name, call: 'build()', quotes: true }, build);
  try {
    return guard(built, name);
  } catch (error) {
    const held = built as Partial<Held> | null | undefined;
    throw disposedAfter(error, typeof held?.dispose === 'function' ? [held as Held] : []);
  }
}

function checkDescribed(name: string, got: string, expected: string): void {
  if (got !== expected) throw misdescribed(name, got, expected);
}

/**
 * A schema of a plug-in. Its JSON Schema becomes plain data, which forms, help texts and other processes read. @throws TesseraError `part-failed`, `part-shape`
 */
function guardSchema(part: PartCall, give: () => Schema<unknown>): Schema<unknown> {
  const given = callPart(part, give);
  checkMembers(part, given, ['parse', 'json']);
  const of = (call: string): PartCall => ({ ...part, call: `${part.call}.${call}` });
  const json = callPart(of('json'), () => JSON.parse(JSON.stringify(given.json)) as JsonSchema);
  const described = Object.values(json?.properties ?? {}).every((one) => typeof one === 'object' && one !== null);
  if (typeof json !== 'object' || !described) throw wrongShape(of('json'), 'a value', 'the JSON Schema of an object');
  return { json, parse: (value, who) => callPart({ ...of('parse()'), quotes: true }, () => given.parse(value, who)) };
}

/** The same for request-time options, whose names are checked too. @throws TesseraError also `option-taken`, `option-name` */
function guardOptions(name: string, give: () => Schema<unknown>): Schema<unknown> {
  const options = guardSchema({ name, call: 'options()' }, give);
  checkOptionNames(name, options.json);
  return options;
}

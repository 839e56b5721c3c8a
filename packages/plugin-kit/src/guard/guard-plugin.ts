import type {
  AnyPlugin,
  BackbonePlugin,
  HeadPlugin,
  OrderPlugin,
  Tokenizer,
  TokenizerFacts,
  TokenizerPlugin,
} from '@tessera/core';
import { disposedAfter, type Held } from '@tessera/core';
import type { Schema } from '@tessera/schema';
import { backboneFacts, tokenizerFacts } from './check-facts.ts';
import { guardBackbone } from './guard-backbone.ts';
import { guardHead } from './guard-head.ts';
import { guardOrder } from './guard-order.ts';
import { guardOptions, guardSchema } from './guard-schema.ts';
import { guardTokenizer } from './guard-tokenizer.ts';
import { callPart, misdescribed } from './part-call.ts';
import type { Report } from './patience.ts';

export interface GuardOptions {
  /** Nobody else makes tensors while it generates: a part that leaves some behind is then found and named. */
  readonly watchLeaks?: boolean;
  /** Told of a call that lasts long: a line, on standard error where nobody takes it. */
  readonly report?: Report;
}

/**
 * A plug-in of others, guarded: its own errors and wrong answers become sentences that name it, from its configuration to
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
  }[plugin.kind];
  return guarded() as AnyPlugin as P;
}

function tokenizerGuarded(plugin: TokenizerPlugin, { report }: GuardOptions): TokenizerPlugin {
  return {
    ...plugin,
    config: configOf(plugin),
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
    build: (config) => buildGuarded(plugin, () => plugin.build(config), guardOrder),
  };
}

function backboneGuarded(plugin: BackbonePlugin, { watchLeaks: watch = false, report }: GuardOptions): BackbonePlugin {
  return {
    ...plugin,
    config: configOf(plugin),
    describe: (config) => backboneFacts(plugin, config),
    build: (config, dims, context) => {
      const { width, reads, remembers } = backboneFacts(plugin, config);
      return buildGuarded(
        plugin,
        () => plugin.build(config, dims, context),
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

/** Its configuration, asked only when it is read. */
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
  const scales = layout.scales.map(({ height, width }) => `${height}x${width}`).join(' ');
  const tokens = `${space.kind} tokens of ${space.channels} channels${vocabulary}`;
  return `${tokens}, scales ${scales}, serves '${[...serves].sort().join("', '")}'`;
}

/** Builds a part by its own code and guards it; where it is refused, it is disposed. @throws TesseraError `part-failed`, `part-shape` */
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

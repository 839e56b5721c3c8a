import { guardSchema } from '@tessera/core';
import type { AnyPlugin, JsonSchema, Layout, PluginKind, Schema, SpaceShape } from '@tessera/core';
import { builtInPlugins, type Plugins } from './plugins.ts';

/** A plug-in as `tessera plugins` shows it. */
export interface PluginFacts {
  readonly kind: PluginKind;
  readonly name: string;
  /** The npm package to install for it; null where nobody says. */
  readonly package: string | null;
  readonly contract: number;
  /** Of heads: what they predict; of orders: what a step of theirs is; else null. */
  readonly space: string | null;
  readonly config: JsonSchema;
  /** Of heads and orders, bounded as for `exampleTokens`; a model's own are said by the model. */
  readonly options: JsonSchema | null;
}

/** The tokens that bound the options shown. */
export const exampleTokens = {
  layout: { length: 256, scales: [{ start: 0, height: 16, width: 16 }] } satisfies Layout,
  discrete: { kind: 'discrete', channels: 32, vocabulary: 4096 } satisfies SpaceShape,
  continuous: { kind: 'continuous', channels: 16 } satisfies SpaceShape,
} as const;

/** Tessera's own plug-ins and then a project's, kind by kind. */
export function listPlugins(extra: Plugins): readonly PluginFacts[] {
  const kinds = Object.keys(builtInPlugins) as (keyof Plugins)[];
  return kinds.flatMap((kind) => [
    ...builtInPlugins[kind].map((plugin) => factsOf(plugin, 'tessera')),
    ...extra[kind].map((plugin) => factsOf(plugin, packageOf(plugin))),
  ]);
}

/** Third-party plug-ins are named like their package. */
export function packageOf({ name, package: from }: AnyPlugin): string | null {
  return from ?? (name.includes('/') ? name : null);
}

/** @throws TesseraError `part-failed`, `part-shape` where the plug-in cannot say its configuration or options */
export function factsOf(plugin: AnyPlugin, from: string | null): PluginFacts {
  const { kind, name, contract } = plugin;
  const jsonOf = (call: string, give: () => Schema<unknown>): JsonSchema => guardSchema({ name, call }, give).json;
  const [space, options] =
    plugin.kind === 'head'
      ? [plugin.space, jsonOf('options()', () => plugin.options(exampleTokens[plugin.space]))]
      : plugin.kind === 'order'
        ? [plugin.stride, jsonOf('options()', () => plugin.options(exampleTokens.layout))]
        : [null, null];
  return { kind, name, package: from, contract, space, config: jsonOf('config', () => plugin.config), options };
}

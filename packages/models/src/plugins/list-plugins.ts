import { callPart, type AnyPlugin, type JsonSchema, type Layout, type PluginKind, type SpaceShape } from '@tessera/core';
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

/** @throws TesseraError `part-failed` where the plug-in cannot say its options */
export function factsOf(plugin: AnyPlugin, from: string | null): PluginFacts {
  const { kind, name, contract, config } = plugin;
  const call = { name, call: 'options()' };
  const [space, options] =
    plugin.kind === 'head'
      ? [plugin.space, callPart(call, () => plugin.options(exampleTokens[plugin.space]).json)]
      : plugin.kind === 'order'
        ? [plugin.stride, callPart(call, () => plugin.options(exampleTokens.layout).json)]
        : [null, null];
  return { kind, name, package: from, contract, space, config: config.json, options };
}

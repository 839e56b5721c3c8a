import type { AnyPlugin, Layout, PluginKind, SpaceShape, Stride } from '@tessera/core';
import { guardPlugin } from '@tessera/plugin-kit';
import type { JsonSchema } from '@tessera/schema';
import type { Conformance } from './certificate.ts';
import { builtInPlugins, pluginKinds, type PluginOrigin, type Plugins } from './built-in.ts';

/** A plug-in as `tessera plugins` shows it. */
export interface PluginFacts {
  readonly kind: PluginKind;
  readonly name: string;
  /** The npm package to install for it; null if unknown. */
  readonly package: string | null;
  /** The installed version of that package; null for Tessera's own and if unknown. */
  readonly version: string | null;
  readonly contract: number;
  /** How the conformance kit judged it, as its package reports; null for Tessera's own and where a package brings no report. */
  readonly conformance: Conformance | null;
  /** For heads: the kind of tokens that they predict; else null. */
  readonly space: SpaceShape['kind'] | null;
  /** For orders: what one step of theirs writes; else null. */
  readonly stride: Stride | null;
  readonly config: JsonSchema;
  /** For heads, orders and guidances, with the limits of `exampleTokens`. A model gives its own limits. */
  readonly options: JsonSchema | null;
}

/** The tokens whose sizes limit the options shown. */
const exampleTokens = {
  layout: { length: 256, scales: [{ start: 0, height: 16, width: 16 }] } satisfies Layout,
  discrete: { kind: 'discrete', channels: 32, vocabulary: 4096 } satisfies SpaceShape,
  continuous: { kind: 'continuous', channels: 16 } satisfies SpaceShape,
  factors: {
    kind: 'factors',
    channels: 16,
    factors: Array.from({ length: 16 }, () => ({ levels: 2, channels: 1 })),
  } satisfies SpaceShape,
} as const;

/** Tessera's own plug-ins and then those of a project, by kind. */
export function listPlugins(extra: Plugins): readonly PluginFacts[] {
  return pluginKinds.flatMap((kind) => [
    ...builtInPlugins[kind].map((plugin) => factsOf(plugin, { package: 'tessera', version: null, conformance: null })),
    ...extra[kind].map((plugin) => factsOf(plugin, extra.origins?.get(plugin) ?? saidOrigin(plugin))),
  ]);
}

/** Third-party plug-ins without a package usually have its name. */
function saidOrigin({ name, package: from }: AnyPlugin): PluginOrigin | null {
  const said = from ?? (name.includes('/') ? name : null);
  return said === null ? null : { package: said, version: null, conformance: null };
}

/** @throws TesseraError `part-failed`, `part-shape` if the plug-in cannot give its configuration or options; `option-taken`, `option-name` */
export function factsOf(given: AnyPlugin, origin: PluginOrigin | null): PluginFacts {
  const plugin = guardPlugin(given);
  const { kind, name, contract } = plugin;
  return {
    kind,
    name,
    package: origin?.package ?? null,
    version: origin?.version ?? null,
    contract,
    conformance: origin?.conformance ?? null,
    space: plugin.kind === 'head' ? plugin.space : null,
    stride: plugin.kind === 'order' ? plugin.stride : null,
    config: plugin.config.json,
    options:
      plugin.kind === 'head'
        ? plugin.options(exampleTokens[plugin.space]).json
        : plugin.kind === 'order'
          ? plugin.options(exampleTokens.layout).json
          : plugin.kind === 'guidance'
            ? plugin.options().json
            : null,
  };
}

import {
  confidenceOrder,
  constantPart,
  linearPart,
  rampPart,
  nextScaleOrder,
  type offeredGuidances,
  randomOrder,
  randomSetsOrder,
  rasterOrder,
  type AnyPlugin,
  type BackbonePlugin,
  type ConditionPlugin,
  type FeatureNetworkPlugin,
  type GuidancePlugin,
  type HeadPlugin,
  type OrderPlugin,
  type Part,
  type Parts,
  type TokenizerPlugin,
} from '@tessera/core';
import { causalTransformer, classCondition, maskedEncoderDecoder, nextScaleTransformer } from '@tessera/backbones';
import { TesseraError } from '@tessera/errors';
import { categoricalHead } from '@tessera/head-categorical';
import { diffusionHead } from '@tessera/head-diffusion';
import { guardPlugin, type GuardOptions } from '@tessera/plugin-kit';
import { nearestName } from '@tessera/schema';
import { klScalesTokenizer, klTokenizer } from '@tessera/tokenizer-continuous';
import { vqTokenizer } from '@tessera/tokenizer-vq';
import type { ComponentEntry, ModelManifest } from '../manifest.ts';
import type { Conformance } from './certificate.ts';

/** Plug-ins by kind. The schemas of a plug-in check its config and options, whose types are erased here. */
export interface Plugins {
  readonly tokenizers: readonly TokenizerPlugin[];
  readonly orders: readonly OrderPlugin[];
  readonly backbones: readonly BackbonePlugin[];
  readonly heads: readonly HeadPlugin[];
  readonly conditions: readonly ConditionPlugin[];
  readonly guidances: readonly GuidancePlugin[];
  /** Feature networks of a project. Tessera's own are in @tessera/features. */
  readonly networks?: readonly FeatureNetworkPlugin[];
  /** The packages that the plug-ins of a project came from, if known. */
  readonly origins?: ReadonlyMap<AnyPlugin, PluginOrigin>;
  /** How the plug-ins of a project are guarded. Tessera's own are not: their tests certify them. */
  readonly guard?: GuardOptions | undefined;
}

/** The npm package of a plug-in. */
export interface PluginOrigin {
  readonly package: string;
  /** As it is installed; null where that is unknown. */
  readonly version: string | null;
  /** What its certificate says of the plug-in; null where it brings none. */
  readonly conformance: Conformance | null;
}

/** The lists of `Plugins`. */
export const pluginKinds = ['tokenizers', 'orders', 'backbones', 'heads', 'conditions', 'guidances'] as const;
type Kinds = (typeof pluginKinds)[number];

/** Tessera's own plug-ins. */
export const builtInPlugins: Plugins = {
  tokenizers: [vqTokenizer as TokenizerPlugin, klTokenizer as TokenizerPlugin, klScalesTokenizer as TokenizerPlugin],
  orders: [
    nextScaleOrder as OrderPlugin,
    rasterOrder as OrderPlugin,
    randomOrder as OrderPlugin,
    randomSetsOrder as OrderPlugin,
    confidenceOrder as OrderPlugin,
  ],
  backbones: [
    nextScaleTransformer as BackbonePlugin,
    maskedEncoderDecoder as BackbonePlugin,
    causalTransformer as BackbonePlugin,
  ],
  heads: [categoricalHead as HeadPlugin, diffusionHead as HeadPlugin],
  conditions: [classCondition as ConditionPlugin],
  guidances: [constantPart, linearPart, rampPart],
};

/** The list that holds the plug-ins of a component. */
const kindOf = {
  tokenizer: 'tokenizers',
  order: 'orders',
  backbone: 'backbones',
  head: 'heads',
  condition: 'conditions',
} as const;
const components = ['tokenizer', 'order', 'backbone', 'head', 'condition'] as const;
type Component = (typeof components)[number];
type Components = Pick<ModelManifest, Exclude<Component, 'condition'>> & {
  readonly condition?: ComponentEntry | undefined;
};

/**
 * Finds the plug-in of each component by its name: among the given ones first, then among Tessera's own. Given ones are
 * guarded.
 * @throws TesseraError plugin-unknown, which says what to install for all that are missing
 */
export function resolveParts(manifest: Components, who: string, extra: Partial<Plugins> = {}): Parts {
  const missing: Unknown[] = [];
  const find = <P extends AnyPlugin>(component: Component): Part<P> => {
    const entry = manifest[component]!;
    const plugin = findPlugin(kindOf[component], entry.plugin, extra);
    if (!plugin) missing.push({ kind: kindOf[component], entry, known: namesOf(kindOf[component], extra) });
    const own = builtInPlugins[kindOf[component]].includes(plugin as never);
    return { plugin: (plugin && !own ? guardPlugin(plugin, extra.guard) : plugin) as P, config: entry.config };
  };
  const parts: Parts = {
    tokenizer: find('tokenizer'),
    order: find('order'),
    backbone: find('backbone'),
    head: find('head'),
    ...(manifest.condition && { condition: find<ConditionPlugin>('condition') }),
  };
  if (missing.length > 0) throw unknownPlugins(who, missing);
  return parts;
}

/** A condition by its name, guarded as in `resolveParts`; null where none is known. */
export function findCondition(name: string, extra: Partial<Plugins> = {}): ConditionPlugin | null {
  const plugin = findPlugin('conditions', name, extra) as ConditionPlugin | undefined;
  if (!plugin) return null;
  return builtInPlugins.conditions.includes(plugin) ? plugin : guardPlugin(plugin, extra.guard);
}

/** The guidances that requests may name: Tessera's own, and those of a project, guarded. */
export function knownGuidances({ guidances = [], guard }: Partial<Plugins> = {}): Parameters<
  typeof offeredGuidances
>[1] {
  return { builtIn: builtInPlugins.guidances, project: guidances.map((plugin) => guardPlugin(plugin, guard)) };
}

/** The parts that a model names. */
function componentsOf(manifest: Components): readonly (readonly [Component, ComponentEntry])[] {
  return components.flatMap((component) => {
    const entry = manifest[component];
    return entry ? [[component, entry] as const] : [];
  });
}

function findPlugin(kind: Kinds, name: string, extra: Partial<Plugins>): AnyPlugin | undefined {
  const known: readonly AnyPlugin[] = [...(extra[kind] ?? []), ...builtInPlugins[kind]];
  return known.find((plugin) => plugin.name === name);
}

function namesOf(kind: Kinds, extra: Partial<Plugins>): readonly string[] {
  return [...(extra[kind] ?? []), ...builtInPlugins[kind]].map(({ name }) => name);
}

/** Adds to the manifest of a new model the package and version of each third-party part: others need them to open it. */
export function withOrigins(manifest: ModelManifest, extra: Partial<Plugins>): ModelManifest {
  const entries = componentsOf(manifest).map(([component, { plugin: name, config, weights }]) => {
    const entry = { plugin: name, config, ...(weights && { weights }) };
    const plugin = findPlugin(kindOf[component], name, extra);
    const origin = plugin && extra.origins?.get(plugin);
    const version = origin?.version ? { version: origin.version } : {};
    return [component, origin ? { ...entry, package: origin.package, ...version } : entry] as const;
  });
  return { ...manifest, ...Object.fromEntries(entries) };
}

/** Sentences on third-party parts whose installed version is not the one that the model was made with. */
export function versionRemarks(manifest: Components, extra: Partial<Plugins> = {}): readonly string[] {
  return componentsOf(manifest).flatMap(([component, { plugin: name, package: from, version: made }]) => {
    const plugin = findPlugin(kindOf[component], name, extra);
    const here = plugin && extra.origins?.get(plugin)?.version;
    if (made === undefined || !here || here === made) return [];
    return [`it was made with ${from ?? name} ${made}, and ${here} is installed: its images may differ.`];
  });
}

interface Unknown {
  readonly kind: Kinds;
  readonly entry: ComponentEntry;
  readonly known: readonly string[];
}

function unknownPlugins(who: string, missing: readonly Unknown[]): TesseraError {
  const told = missing.map(({ kind, entry }) => `${JSON.stringify(entry.plugin)} among its ${kind}`);
  const known = missing.map(
    ({ kind, known }) => `${missing.length > 1 ? `for ${kind} ` : ''}one of ${known.join(', ')}`,
  );
  return new TesseraError({
    code: 'plugin-unknown',
    who,
    got: `the plug-in${missing.length > 1 ? 's' : ''} ${told.join(' and ')}`,
    expected: known.join(', '),
    next: [...installing(missing), ...new Set(missing.flatMap(advice))].join(' '),
  });
}

/** Names and versions as npm has them: what else a model says is not put into a command. */
const spec = /^(?:@[a-z0-9][\w.-]*\/)?[a-z0-9][\w.-]*(?:@\d[\w.+-]*)?$/;

/** `@acme/head@1.2.0` of an entry of a model; null where it names no package that can be installed. */
function specOf({ package: from, version }: ComponentEntry): string | null {
  const named = from === undefined ? '' : `${from}${version === undefined ? '' : `@${version}`}`;
  return spec.test(named) ? named : null;
}

/** The packages of others that a model was made with, with their versions: what npm installs. */
export function packagesOf(manifest: Components): readonly string[] {
  return [...new Set(componentsOf(manifest).flatMap(([, entry]) => specOf(entry) ?? []))];
}

/** One sentence for all packages that the model names. */
function installing(missing: readonly Unknown[]): readonly string[] {
  const specs = [...new Set(missing.flatMap(({ entry }) => specOf(entry) ?? []))];
  return specs.length === 0 ? [] : [`Run tessera plugins add ${specs.join(' ')}, which asks, installs and lists them.`];
}

/** What else to do; a package is not guessed. */
function advice({ entry, known }: Unknown): readonly string[] {
  const { plugin } = entry;
  if (specOf(entry) !== null) return [];
  const near = nearestName(plugin, known);
  if (!plugin.includes('/') && near !== null) return [`Did you mean ${near}?`];
  return [`Install the package that brings ${plugin} and list its plug-in in tessera.config.ts.`];
}

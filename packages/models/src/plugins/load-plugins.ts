import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import type { AnyPlugin, FeatureNetworkPlugin } from '@tessera/core';
import { callPart, checkFeatureNetwork, checkPlugin, isFeatureNetworkLike, isPluginLike } from '@tessera/plugin-kit';
import { isTesseraError, TesseraError } from '@tessera/errors';
import { conformanceOf } from './certificate.ts';
import { findPackage, packageAround, packageIn } from './find-package.ts';
import { importConfig, type Listed } from './import-config.ts';
import { factsOf } from './list-plugins.ts';
import { builtInPlugins, type PluginOrigin, type Plugins } from './built-in.ts';

/** An entry of a configuration that was left out, and why. */
export interface PluginProblem {
  readonly code: string;
  /** One sentence that names the plug-in or the file. */
  readonly message: string;
}

/** The plug-ins of a project that can be used. */
export interface LoadedPlugins {
  /** The configuration file; null if the project has none. */
  readonly file: string | null;
  /** Without Tessera's own. */
  readonly plugins: Plugins;
  readonly problems: readonly PluginProblem[];
}

/**
 * Imports the plug-ins that a configuration lists: trusted code, which runs like the project's own. A plug-in that cannot
 * be used is left out and reported in `problems`; nothing is thrown.
 */
export async function loadPlugins(file: string | null): Promise<LoadedPlugins> {
  if (file === null) return { file, plugins: byKind(new Map(), []), problems: [] };
  // A second copy of tfjs would warn about each of its 340 kernels; `tfjs-twice` reports it once.
  tf.enableProdMode();
  const { listed, problems: failed } = await importConfig(file).catch((error: unknown) => {
    if (error instanceof TesseraError) return { listed: [], problems: [error] };
    throw error;
  });
  const parts = listed.filter(({ value }) => !isFeatureNetworkLike(value));
  const { admitted, problems } = admit(parts, dirname(file));
  const measuring = admitNetworks(listed.filter(({ value }) => isFeatureNetworkLike(value)));
  const twice = tfjsTwice();
  const all = [...failed.map(problemOf), ...problems, ...measuring.problems, ...(twice ? [problemOf(twice)] : [])];
  return { file, plugins: byKind(admitted, measuring.networks), problems: all };
}

/** Of two plug-ins of the same kind and name the first is kept; Tessera's own are always kept. */
function admit(listed: readonly Listed[], folder: string): Admitted {
  const admitted = new Map<AnyPlugin, PluginOrigin | null>();
  const problems: PluginProblem[] = [];
  for (const { value, where, specifier } of listed) {
    try {
      callPart({ name: where, call: 'its definition', quotes: true }, () => {
        checkFree(value, [...admitted.keys()]);
        checkPlugin(value, where);
        factsOf(value, null);
        admitted.set(value, judged(value, originOf(value, specifier, folder), problems));
      });
    } catch (error) {
      problems.push(problemOf(error));
    }
  }
  return { admitted, problems };
}

interface AdmittedNetworks {
  readonly networks: readonly FeatureNetworkPlugin[];
  readonly problems: readonly PluginProblem[];
}

/** Of two feature networks of the same name the first is kept. */
function admitNetworks(listed: readonly Listed[]): AdmittedNetworks {
  const networks: FeatureNetworkPlugin[] = [];
  const problems: PluginProblem[] = [];
  for (const { value, where } of listed) {
    try {
      callPart({ name: where, call: 'its definition', quotes: true }, () => {
        checkFeatureNetwork(value, where);
        if (networks.some(({ name }) => name === value.name)) throw twiceNamed(value.name, 'feature network', false);
        networks.push(value);
      });
    } catch (error) {
      problems.push(problemOf(error));
    }
  }
  return { networks, problems };
}

interface Admitted {
  readonly admitted: ReadonlyMap<AnyPlugin, PluginOrigin | null>;
  readonly problems: readonly PluginProblem[];
}

/**
 * The installed package that a plug-in came from: the one that it names, the one that its configuration names, or the one
 * that has its name. Null if none of them is installed and the plug-in names none.
 */
function originOf({ name, package: said }: AnyPlugin, specifier: string | null, folder: string): Found | null {
  const named = [said, specifier && packageIn(specifier), name].filter((one) => typeof one === 'string');
  const found = named.map((one) => findPackage(one, folder)).find((one) => one !== null);
  const around = specifier?.startsWith('.') ? packageAround(dirname(resolve(folder, specifier))) : null;
  const facts = found ?? around;
  if (facts) return { package: facts.name, version: facts.version, folder: facts.folder };
  return said === undefined ? null : { package: said, version: null, folder: null };
}

interface Found extends Omit<PluginOrigin, 'conformance'> {
  /** null where the package is not installed. */
  readonly folder: string | null;
}

/** With what its certificate says of it. One that cannot be read is a problem, said once; its plug-ins work. */
function judged(plugin: AnyPlugin, found: Found | null, problems: PluginProblem[]): PluginOrigin | null {
  if (!found) return null;
  const { folder, ...origin } = found;
  try {
    return { ...origin, conformance: folder === null ? null : conformanceOf(plugin, { name: origin.package, folder }) };
  } catch (error) {
    const problem = problemOf(error);
    if (!problems.some(({ message }) => message === problem.message)) problems.push(problem);
    return { ...origin, conformance: null };
  }
}

const own: readonly AnyPlugin[] = Object.values(builtInPlugins).flat();

function checkFree(given: unknown, admitted: readonly AnyPlugin[]): void {
  if (!isPluginLike(given)) return;
  const { kind, name } = given as AnyPlugin;
  const same = (one: AnyPlugin): boolean => one.kind === kind && one.name === name;
  const ours = own.some(same);
  if (ours || admitted.some(same)) throw twiceNamed(name, kind, ours);
}

function twiceNamed(who: string, kind: string, ours: boolean): TesseraError {
  return new TesseraError({
    code: 'plugin-twice',
    who,
    got: `a second ${kind} of this name`,
    expected: ours ? `a name that is not one of Tessera's own ${kind}s` : 'a name of its own',
    next: `It is left out: rename it, with the scope of its package.`,
  });
}

function problemOf(error: unknown): PluginProblem {
  if (isTesseraError(error)) return { code: error.code, message: error.message };
  throw error;
}

function byKind(admitted: Admitted['admitted'], networks: readonly FeatureNetworkPlugin[]): Plugins {
  const plugins = [...admitted.keys()];
  const origins = [...admitted].flatMap(([plugin, origin]) => (origin ? [[plugin, origin] as const] : []));
  return {
    tokenizers: plugins.filter((plugin) => plugin.kind === 'tokenizer'),
    orders: plugins.filter((plugin) => plugin.kind === 'order'),
    backbones: plugins.filter((plugin) => plugin.kind === 'backbone'),
    heads: plugins.filter((plugin) => plugin.kind === 'head'),
    conditions: plugins.filter((plugin) => plugin.kind === 'condition'),
    guidances: plugins.filter((plugin) => plugin.kind === 'guidance'),
    networks,
    origins: new Map(origins),
  };
}

const configNames = ['tessera.config.ts', 'tessera.config.js', 'tessera.config.mjs'];

/**
 * The configuration of a project: the file named by the environment variable TESSERA_CONFIG, else a `tessera.config.ts`,
 * `.js` or `.mjs` in `from` or in the nearest folder above it; null if there is none.
 */
export function findConfig(from: string = process.cwd()): string | null {
  const named = process.env['TESSERA_CONFIG'];
  if (named) return resolve(from, named);
  for (let folder = resolve(from); ; folder = dirname(folder)) {
    const found = configNames.map((name) => join(folder, name)).find((path) => existsSync(path));
    if (found !== undefined) return found;
    if (dirname(folder) === folder) return null;
  }
}

const require = createRequire(import.meta.url);
const tfjsModule = /^(.*[\\/]@tensorflow[\\/]tfjs-core)[\\/]dist[\\/]/;

/** Folders of @tensorflow/tfjs-core that are loaded, by the paths of the modules in memory. */
export function tfjsCopies(loaded: readonly string[] = Object.keys(require.cache)): readonly string[] {
  return [...new Set(loaded.flatMap((path) => tfjsModule.exec(path)?.[1] ?? []))];
}

/**
 * Error for two copies of tfjs: they do not know each other's tensors, so a plug-in with its own copy fails in odd ways.
 * Null if there is one copy.
 */
export function tfjsTwice(copies: readonly string[] = tfjsCopies()): TesseraError | null {
  if (copies.length < 2) return null;
  return new TesseraError({
    code: 'tfjs-twice',
    who: 'plug-ins',
    got: `${copies.length} copies of @tensorflow/tfjs-core: ${copies.join(' and ')}`,
    expected: 'one, which every plug-in has as a peer dependency',
    next: 'Find the package of the other one with npm ls @tensorflow/tfjs-core, and run npm dedupe.',
  });
}

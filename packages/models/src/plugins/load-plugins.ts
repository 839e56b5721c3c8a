import { dirname, resolve } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import type { AnyPlugin } from '@tessera/core';
import { callPart, checkPlugin, isPluginLike } from '@tessera/plugin-kit';
import { isTesseraError, TesseraError } from '@tessera/errors';
import { findPackage, packageAround, packageIn } from './find-package.ts';
import { importConfig, type Listed } from './import-config.ts';
import { factsOf } from './list-plugins.ts';
import { builtInPlugins, type PluginOrigin, type Plugins } from './plugins.ts';
import { tfjsTwice } from './tfjs-copies.ts';

/** Something of a configuration that is left out, and why. */
export interface PluginProblem {
  readonly code: string;
  /** One sentence that names the plug-in or the file. */
  readonly message: string;
}

/** The plug-ins of a project that can be used. */
export interface LoadedPlugins {
  /** Where they are listed; null where a project has none. */
  readonly file: string | null;
  /** Besides Tessera's own. */
  readonly plugins: Plugins;
  readonly problems: readonly PluginProblem[];
}

/**
 * Imports the plug-ins that a configuration lists: trusted code, which runs as the project's own. What cannot be used is
 * left out with a sentence, and everything else works; nothing is thrown.
 */
export async function loadPlugins(file: string | null): Promise<LoadedPlugins> {
  if (file === null) return { file, plugins: byKind(new Map()), problems: [] };
  // A second copy of tfjs would else say of each of its 340 kernels that there is one; `tfjs-twice` says it once.
  tf.enableProdMode();
  const { listed, problems: failed } = await importConfig(file).catch((error: unknown) => {
    if (error instanceof TesseraError) return { listed: [], problems: [error] };
    throw error;
  });
  const { admitted, problems } = admit(listed, dirname(file));
  const twice = tfjsTwice();
  const all = [...failed.map(problemOf), ...problems, ...(twice ? [problemOf(twice)] : [])];
  return { file, plugins: byKind(admitted), problems: all };
}

/** Of two with one kind and name, the first stays, and Tessera's own always. */
function admit(listed: readonly Listed[], folder: string): Admitted {
  const admitted = new Map<AnyPlugin, PluginOrigin | null>();
  const problems: PluginProblem[] = [];
  for (const { value, where, specifier } of listed) {
    try {
      callPart({ name: where, call: 'its definition', quotes: true }, () => {
        checkFree(value, [...admitted.keys()]);
        checkPlugin(value, where);
        factsOf(value, null);
        admitted.set(value, originOf(value, specifier, folder));
      });
    } catch (error) {
      problems.push(problemOf(error));
    }
  }
  return { admitted, problems };
}

interface Admitted {
  readonly admitted: ReadonlyMap<AnyPlugin, PluginOrigin | null>;
  readonly problems: readonly PluginProblem[];
}

/**
 * The package that a plug-in came from, as it is installed: the one that it names, the one that its configuration names, or
 * the one that has its name. Null where none of them is there and the plug-in names none.
 */
function originOf({ name, package: said }: AnyPlugin, specifier: string | null, folder: string): PluginOrigin | null {
  const named = [said, specifier && packageIn(specifier), name].filter((one) => typeof one === 'string');
  const found = named.map((one) => findPackage(one, folder)).find((one) => one !== null);
  const around = specifier?.startsWith('.') ? packageAround(dirname(resolve(folder, specifier))) : null;
  const facts = found ?? around;
  if (facts) return { package: facts.name, version: facts.version };
  return said === undefined ? null : { package: said, version: null };
}

const own: readonly AnyPlugin[] = Object.values(builtInPlugins).flat();

function checkFree(given: unknown, admitted: readonly AnyPlugin[]): void {
  if (!isPluginLike(given)) return;
  const { kind, name } = given as AnyPlugin;
  const same = (one: AnyPlugin): boolean => one.kind === kind && one.name === name;
  const ours = own.some(same);
  if (!ours && !admitted.some(same)) return;
  throw new TesseraError({
    code: 'plugin-twice',
    who: name,
    got: `a second ${kind} of this name`,
    expected: ours ? `a name that is not one of Tessera's own ${kind}s` : 'a name of its own',
    next: `It is left out: rename it, with the scope of its package.`,
  });
}

function problemOf(error: unknown): PluginProblem {
  if (isTesseraError(error)) return { code: error.code, message: error.message };
  throw error;
}

function byKind(admitted: Admitted['admitted']): Plugins {
  const plugins = [...admitted.keys()];
  const origins = [...admitted].flatMap(([plugin, origin]) => (origin ? [[plugin, origin] as const] : []));
  return {
    tokenizers: plugins.filter((plugin) => plugin.kind === 'tokenizer'),
    orders: plugins.filter((plugin) => plugin.kind === 'order'),
    backbones: plugins.filter((plugin) => plugin.kind === 'backbone'),
    heads: plugins.filter((plugin) => plugin.kind === 'head'),
    origins: new Map(origins),
  };
}

import { callPart, checkPlugin, type AnyPlugin } from '@tessera/core';
import { isTesseraError, TesseraError } from '@tessera/errors';
import { importConfig } from './import-config.ts';
import { factsOf, packageOf } from './list-plugins.ts';
import { builtInPlugins, type Plugins } from './plugins.ts';
import { tfjsTwice, withoutKernelLines } from './tfjs-copies.ts';

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
  if (file === null) return { file, plugins: byKind([]), problems: [] };
  const { admitted, problems } = await withoutKernelLines(() => importConfig(file)).then(admit, (error: unknown) => ({
    admitted: [],
    problems: [problemOf(error)],
  }));
  const twice = tfjsTwice();
  return { file, plugins: byKind(admitted), problems: twice ? [...problems, problemOf(twice)] : problems };
}

/** Of two with one kind and name, the first stays, and Tessera's own always. */
export function admit(listed: readonly unknown[]): {
  readonly admitted: readonly AnyPlugin[];
  readonly problems: readonly PluginProblem[];
} {
  const admitted: AnyPlugin[] = [];
  const problems: PluginProblem[] = [];
  for (const plugin of listed) {
    try {
      callPart({ name: 'plug-in', call: 'its definition', quotes: true }, () => {
        checkPlugin(plugin);
        checkFree(plugin, admitted);
        factsOf(plugin, packageOf(plugin));
        admitted.push(plugin);
      });
    } catch (error) {
      problems.push(problemOf(error));
    }
  }
  return { admitted, problems };
}

const own: readonly AnyPlugin[] = Object.values(builtInPlugins).flat();

function checkFree({ kind, name }: AnyPlugin, admitted: readonly AnyPlugin[]): void {
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

function byKind(plugins: readonly AnyPlugin[]): Plugins {
  return {
    tokenizers: plugins.filter((plugin) => plugin.kind === 'tokenizer'),
    orders: plugins.filter((plugin) => plugin.kind === 'order'),
    backbones: plugins.filter((plugin) => plugin.kind === 'backbone'),
    heads: plugins.filter((plugin) => plugin.kind === 'head'),
  };
}

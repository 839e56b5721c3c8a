import { existsSync, readFileSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import process from 'node:process';
import { pathToFileURL } from 'node:url';
import { isPluginLike } from '@tessera/plugin-kit';
import { decodeText, isTesseraError, TesseraError } from '@tessera/errors';
import { findPackage, packageIn } from './find-package.ts';
import { importLimit, importModule, resolveModule, Unended } from './import-module.ts';

/** Something that a configuration lists, unchecked. */
export interface Listed {
  readonly value: unknown;
  /** `tessera.config.ts plugins[2]` */
  readonly where: string;
  /** The module that brought it, where the configuration names one by a string. */
  readonly specifier: string | null;
}

export interface Configuration {
  readonly listed: readonly Listed[];
  /** Of modules that are named by strings and cannot be imported: each is left out alone. */
  readonly problems: readonly TesseraError[];
}

/**
 * Runs a configuration file and the modules that it names by strings, one after the other.
 * @throws TesseraError `config-missing`, `config-typescript`, `config-failed`, `config-malformed`
 */
export async function importConfig(file: string): Promise<Configuration> {
  if (!existsSync(file)) {
    const expected = 'a configuration';
    const next = 'Correct TESSERA_CONFIG.';
    throw new TesseraError({ code: 'config-missing', who: file, got: 'no such file', expected, next });
  }
  const { config } = (await importModule(pathToFileURL(file)).catch(async (error: unknown) => {
    throw isTesseraError(error) ? error : await configFailed(file, error);
  })) as { readonly config?: { readonly plugins?: unknown } };
  const plugins = config?.plugins;
  if (!Array.isArray(plugins)) throw malformed(file, config);
  const listed: Listed[] = [];
  const problems: TesseraError[] = [];
  for (const [i, value] of plugins.entries()) {
    const where = `${basename(file)} plugins[${i}]`;
    if (typeof value !== 'string') listed.push({ value, where, specifier: null });
    else {
      const brought = await pluginsOf(value, file).catch((error: unknown) => importFailed(value, file, error));
      if (brought instanceof TesseraError) problems.push(brought);
      else listed.push(...brought.map((one) => ({ value: one, where: `${where} '${value}'`, specifier: value })));
    }
  }
  return { listed, problems };
}

/** The plug-ins that a module exports, each once. @throws TesseraError `plugin-none`; what its import throws */
async function pluginsOf(specifier: string, file: string): Promise<readonly unknown[]> {
  const exported = await importModule(resolveModule(specifier, file));
  const plugins = [...new Set(Object.values(exported).filter(isPluginLike))];
  if (plugins.length > 0) return plugins;
  const names = Object.keys(exported).join(', ') || 'nothing';
  throw new TesseraError({
    code: 'plugin-none',
    who: specifier,
    got: `a module without plug-ins (it exports ${names})`,
    expected: 'at least one that it exports by name',
    next: 'Correct the string in plugins, or what the module exports.',
  });
}

/** Error `plugin-import`, of one module that a configuration names. */
function importFailed(specifier: string, file: string, error: unknown): TesseraError {
  if (isTesseraError(error)) return error as TesseraError;
  return new TesseraError({
    code: 'plugin-import',
    who: specifier,
    got: `an error while ${basename(file)} imported it: ${wordsOf(error)}${factsOf(specifier, file)}`,
    expected: 'plug-ins',
    next: 'It is left out and the others work: repair it, install another version, or take it out of plugins.',
    cause: error,
  });
}

/** Error `config-failed`: names the import that is to blame, where it is one. */
async function configFailed(file: string, error: unknown): Promise<TesseraError> {
  const guilty = await guiltyImport(file, error);
  const what = guilty === null ? '' : ` of its import '${guilty}'`;
  return new TesseraError({
    code: 'config-failed',
    who: file,
    got: `an error${what} while it was imported: ${wordsOf(error)}${guilty === null ? '' : factsOf(guilty, file)}`,
    expected: 'a list of plug-ins',
    next:
      guilty === null
        ? 'Mend it; none of its plug-ins is here until then.'
        : `None of its plug-ins is here. Mend that module, or name it by a string, plugins: ['${guilty}'], and the others work.`,
    cause: error,
  });
}

/** Imports again what a configuration imports, one after the other: who fails as the whole did is to blame. */
async function guiltyImport(file: string, error: unknown): Promise<string | null> {
  // A module that has been imported answers at once.
  const limit = Math.min(importLimit, 2000);
  for (const specifier of importsOf(file)) {
    const again = await Promise.resolve()
      .then(() => importModule(resolveModule(specifier, file), limit))
      .then(
        () => null,
        (found: unknown) => found,
      );
    if (again === null) continue;
    if (error instanceof Unended ? again instanceof Unended : wordsOf(again) === wordsOf(error)) return specifier;
  }
  return null;
}

/** What a file imports by statements of its own, types aside. */
function importsOf(file: string): readonly string[] {
  const code = decodeText(readFileSync(file)).replace(/\/\*.*?\*\//gs, '');
  const statements = code.matchAll(/^\s*(?:import|export)\s+(?!type\s)(?:[^'"`;()]*?\sfrom\s*)?(['"])([^'"\n]+)\1/gm);
  return [...statements].map(([, , specifier]) => specifier!);
}

function malformed(file: string, config: unknown): TesseraError {
  return new TesseraError({
    code: 'config-malformed',
    who: file,
    got: config === undefined ? 'no export named config' : 'a config without a list of plugins',
    expected: 'export const config = defineConfig({ plugins: [...] })',
    next: 'Correct it.',
  });
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message || error.name : String(error);
}

/** ` (@acme/head 1.2.0 is made for Node >=22; this is Node 20.20.2)` */
function factsOf(specifier: string, file: string): string {
  const name = packageIn(specifier);
  const found = name === null ? null : findPackage(name, dirname(file));
  if (!found) return '';
  const version = found.version === null ? '' : ` ${found.version}`;
  if (found.node === null) return ` (${found.name}${version})`;
  return ` (${found.name}${version} is made for Node ${found.node}; this is Node ${process.versions.node})`;
}

import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname } from 'node:path';
import process from 'node:process';
import { fileURLToPath, pathToFileURL } from 'node:url';
import * as kit from '@tessera/plugin-kit';
import { decodeText, isTesseraError, TesseraError } from '@tessera/errors';
import { moduleResolve } from 'import-meta-resolve';
import { findPackage, packageIn } from './find-package.ts';

/** An entry of a configuration, unchecked. */
export interface Listed {
  readonly value: unknown;
  /** `tessera.config.ts plugins[2]` */
  readonly where: string;
  /** The module that it came from, if the configuration names one by a string. */
  readonly specifier: string | null;
}

interface Configuration {
  readonly listed: readonly Listed[];
  /** One for each module, named by a string, that cannot be imported; the others are used. */
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

/** A part of models, or a feature network. */
function isUsable(value: unknown): boolean {
  return kit.isPluginLike(value) || kit.isFeatureNetworkLike(value);
}

/** The plug-ins that a module exports, each once. @throws TesseraError `plugin-none`; what its import throws */
async function pluginsOf(specifier: string, file: string): Promise<readonly unknown[]> {
  const exported = await importModule(resolveModule(specifier, file));
  const plugins = [...new Set(Object.values(exported).filter(isUsable))];
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

/** Error `plugin-import`, for one module that a configuration names. */
function importFailed(specifier: string, file: string, error: unknown): TesseraError {
  if (isTesseraError(error)) return error as TesseraError;
  return new TesseraError({
    code: 'plugin-import',
    who: specifier,
    got: `an error while ${basename(file)} imported it: ${wordsOf(error)}${factsOf(specifier, file)}`,
    expected: 'plug-ins',
    next: `It is left out and the others work: repair it, install another version, or remove it from plugins.${movedIn(error)}`,
    cause: error,
  });
}

/** Error `config-failed`: names the import that caused it, if one did. */
async function configFailed(file: string, error: unknown): Promise<TesseraError> {
  const failed = await failedImport(file, error);
  const what = failed === null ? '' : ` of its import '${failed}'`;
  return new TesseraError({
    code: 'config-failed',
    who: file,
    got: `an error${what} while it was imported: ${wordsOf(error)}${failed === null ? '' : factsOf(failed, file)}`,
    expected: 'a list of plug-ins',
    next:
      (failed === null
        ? 'Correct it: until then, none of its plug-ins is loaded.'
        : `None of its plug-ins is loaded. Repair that module, or name it by a string, plugins: ['${failed}'], so that the others work.`) +
      movedIn(error),
    cause: error,
  });
}

/** Repeats the imports of a configuration one by one: the first that fails with the same error caused it. */
async function failedImport(file: string, error: unknown): Promise<string | null> {
  // A module that was already imported resolves at once.
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

/** The modules that a file imports by its own statements, without types. */
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

/** Where a name is now that Node did not find in a package which was split: ` Import defineHead from ...`. */
function movedIn(error: unknown): string {
  const missing = /'(@tessera\/(?:core|engine))' does not provide an export named '(\w+)'/.exec(wordsOf(error));
  if (!missing) return '';
  const [, from, name] = missing;
  if (name! in kit) return ` ${name} has moved: import it from @tessera/plugin-kit (see CHANGELOG.md of Tessera).`;
  return ` If ${name} was in ${from}, it has moved: CHANGELOG.md of Tessera says where to.`;
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

/** How long the import of a module may take, in milliseconds: it only has to define its plug-ins. */
const importLimit = 30_000;

/** Thrown if an import does not end. */
class Unended extends Error {}

/**
 * The location of a module that a file imports: a package, or a path from the folder of that file.
 * @throws Node's error if there is no such module
 */
function resolveModule(specifier: string, from: string): URL {
  try {
    return moduleResolve(specifier, pathToFileURL(from), conditions());
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_INVALID_PACKAGE_CONFIG') throw error;
    // Node reads a package.json with a byte order mark.
    return pathToFileURL(createRequire(from).resolve(specifier));
  }
}

/** The conditions by which this process resolves its own imports. */
function conditions(): Set<string> {
  const asked = process.execArgv.flatMap((argument, i, all) => {
    const [, value = all[i + 1]] = /^(?:-C|--conditions)(?:=(.*))?$/.exec(argument) ?? [, ''];
    return value ? [value] : [];
  });
  return new Set(['node', 'import', ...asked]);
}

/**
 * Runs a module. TypeScript needs a Node that strips types (22.18 and newer), or `tsx` installed beside the file. Its hooks
 * are registered before the first attempt, because Node caches failed imports.
 * @throws Unended after `limit`, or at once if nothing in this process can end the import; TesseraError
 * `config-typescript`; errors of the module
 */
async function importModule(url: URL, limit: number = importLimit): Promise<Readonly<Record<string, unknown>>> {
  const typed = url.protocol === 'file:' && url.pathname.endsWith('.ts') && !readsTypeScript();
  const unregister = typed ? await registerTsx(fileURLToPath(url)) : null;
  try {
    return (await inTime(import(url.href), limit)) as Readonly<Record<string, unknown>>;
  } catch (cause) {
    throw isUnknownExtension(cause) ? typeScriptUnread(fileURLToPath(url), cause) : cause;
  } finally {
    await unregister?.();
  }
}

/** The timer keeps the process alive no longer than needed: a process with nothing left to wait for reports it. */
async function inTime<T>(work: Promise<T>, limit: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  let idle = (): void => undefined;
  const end = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Unended(`no end of it for ${limit / 1000} s`)), limit).unref();
    idle = () => reject(new Unended('it waits for something that will never happen'));
    process.once('beforeExit', idle);
  });
  try {
    return await Promise.race([work, end]);
  } finally {
    clearTimeout(timer);
    process.off('beforeExit', idle);
  }
}

/** True for Node 22.18 and newer, and for a process started with tsx. */
function readsTypeScript(): boolean {
  const { typescript } = process.features as { readonly typescript?: unknown };
  return Boolean(typescript) || process.execArgv.some((argument) => argument.includes('tsx'));
}

/** Registers the tsx installed beside the file; null if there is none. It keeps addresses of modules: none loads twice. */
async function registerTsx(file: string): Promise<(() => Promise<void>) | null> {
  try {
    // The CommonJS entry looks for its hooks in the wrong folder; the other one is beside it.
    const entry = createRequire(file)
      .resolve('tsx/esm/api')
      .replace(/\.cjs$/, '.mjs');
    const { register } = (await import(pathToFileURL(entry).href)) as { register(): () => Promise<void> };
    return register();
  } catch {
    return null;
  }
}

function typeScriptUnread(who: string, cause: unknown): TesseraError {
  return new TesseraError({
    code: 'config-typescript',
    who,
    got: `TypeScript on Node ${process.versions.node}`,
    expected: 'Node 22.18 or newer, or tsx installed beside it',
    next: 'Install tsx, or write it in JavaScript, as tessera.config.mjs.',
    cause,
  });
}

function isUnknownExtension(error: unknown): boolean {
  return (error as NodeJS.ErrnoException | null)?.code === 'ERR_UNKNOWN_FILE_EXTENSION';
}

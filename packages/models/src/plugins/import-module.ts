import { createRequire } from 'node:module';
import process from 'node:process';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { moduleResolve } from 'import-meta-resolve';
import { TesseraError } from '@tessera/errors';

/** How long a module may take to be imported, in milliseconds: it only has to define its plug-ins. */
export const importLimit = 30_000;

/** An import that has no end. */
export class Unended extends Error {}

/**
 * Where a module lies that a file names: a package, or a path from that file's folder.
 * @throws what Node throws of a module that is not there
 */
export function resolveModule(specifier: string, from: string): URL {
  try {
    return moduleResolve(specifier, pathToFileURL(from), conditions());
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_INVALID_PACKAGE_CONFIG') throw error;
    // Node reads a package.json with a byte order mark.
    return pathToFileURL(createRequire(from).resolve(specifier));
  }
}

/** Those that this process resolves its own imports by. */
function conditions(): Set<string> {
  const asked = process.execArgv.flatMap((argument, i, all) => {
    const [, value = all[i + 1]] = /^(?:-C|--conditions)(?:=(.*))?$/.exec(argument) ?? [, ''];
    return value ? [value] : [];
  });
  return new Set(['node', 'import', ...asked]);
}

/**
 * Runs a module. TypeScript needs a Node that strips types (22.18 and newer), or `tsx` beside the file. Hooks go in before
 * the first try: Node remembers an import that failed.
 * @throws Unended after `limit`, or at once where nothing is left in this process that could end the import; TesseraError
 * `config-typescript`; what the module throws
 */
export async function importModule(url: URL, limit: number = importLimit): Promise<Readonly<Record<string, unknown>>> {
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

/** The clock keeps no process alive, so that one that has nothing to wait for says so instead of ending without a word. */
async function inTime<T>(work: Promise<T>, limit: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  let idle = (): void => undefined;
  const end = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Unended(`no end of it for ${limit / 1000} s`)), limit).unref();
    idle = () => reject(new Unended('it waits for something that nothing will bring'));
    process.once('beforeExit', idle);
  });
  try {
    return await Promise.race([work, end]);
  } finally {
    clearTimeout(timer);
    process.off('beforeExit', idle);
  }
}

/** Node itself from 22.18 on, or tsx, which this process was started with. */
function readsTypeScript(): boolean {
  const { typescript } = process.features as { readonly typescript?: unknown };
  return Boolean(typescript) || process.execArgv.some((argument) => argument.includes('tsx'));
}

/** The tsx beside the file, null where there is none. Modules keep their addresses under it: nothing is loaded twice. */
async function registerTsx(file: string): Promise<(() => Promise<void>) | null> {
  try {
    // Its CommonJS half looks for its hooks in the wrong folder; the other lies beside it.
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

import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { isTesseraError, TesseraError } from '@tessera/errors';

/**
 * Runs a configuration file and gives what it lists, unchecked. TypeScript needs a Node that strips types (22.18 and
 * newer), or `tsx` beside the file.
 * @throws TesseraError `config-missing`, `config-typescript`, `config-failed`, `config-malformed`
 */
export async function importConfig(file: string): Promise<readonly unknown[]> {
  if (!existsSync(file)) {
    const next = 'Correct TESSERA_CONFIG.';
    throw new TesseraError({
      code: 'config-missing',
      who: file,
      got: 'no such file',
      expected: 'a configuration',
      next,
    });
  }
  const { config } = (await importFile(file).catch((error: unknown) => {
    throw failed(file, error);
  })) as { readonly config?: { readonly plugins?: unknown } };
  if (Array.isArray(config?.plugins)) return config.plugins;
  throw new TesseraError({
    code: 'config-malformed',
    who: file,
    got: config === undefined ? 'no export named config' : 'a config without a list of plugins',
    expected: 'export const config = defineConfig({ plugins: [...] })',
    next: 'Correct it.',
  });
}

/** Hooks go in before the first try: Node remembers an import that failed. */
async function importFile(file: string): Promise<unknown> {
  const unregister = file.endsWith('.ts') && !readsTypeScript() ? await registerTsx(file) : null;
  try {
    return await import(pathToFileURL(file).href);
  } catch (cause) {
    throw isUnknownExtension(cause) ? typeScriptUnread(file, cause) : cause;
  } finally {
    await unregister?.();
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
    next: 'Install tsx, or write tessera.config.mjs.',
    cause,
  });
}

function isUnknownExtension(error: unknown): boolean {
  return (error as NodeJS.ErrnoException | null)?.code === 'ERR_UNKNOWN_FILE_EXTENSION';
}

function failed(who: string, error: unknown): TesseraError {
  if (isTesseraError(error)) return error;
  return new TesseraError({
    code: 'config-failed',
    who,
    got: `an error while it was imported: ${error instanceof Error ? error.message : String(error)}`,
    expected: 'a list of plug-ins',
    next: 'Mend it, or take the failing import out; none of its plug-ins is here until then.',
    cause: error,
  });
}

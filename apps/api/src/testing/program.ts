import { createRequire } from 'node:module';
import process from 'node:process';
import { pathToFileURL } from 'node:url';

/**
 * What Node needs to run a program of this repository: of a whole test run (`builtConfig` of vitest.shared.ts) its build,
 * which starts in a third of the time, and elsewhere its sources.
 * @param file its TypeScript source
 */
export function programArguments(file: string): string[] {
  if (process.env['TESSERA_BUILT'] === '1') return [file.replace('/src/', '/dist/').replace(/\.ts$/, '.js')];
  const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
  return ['--conditions=@tessera/source', '--import', tsx, file];
}

import { createRequire } from 'node:module';
import process from 'node:process';
import { pathToFileURL } from 'node:url';

/**
 * Flags of Node for a child process: the parent's own, and what a child needs to run TypeScript where the parent runs it by
 * other means. `fromSources`: whether the child's entry is TypeScript.
 */
export function childArguments(fromSources: boolean): string[] {
  const inherited = process.execArgv.filter((argument) => !argument.startsWith('--inspect'));
  if (!fromSources || inherited.some((argument) => argument.includes('tsx'))) return inherited;
  const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
  return ['--conditions=@tessera/source', '--import', tsx];
}

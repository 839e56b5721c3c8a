import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';
import { inject, vi } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));

/**
 * Folder of the page, built once for all files of tests. `checked` has React's own checks, which speak in the console;
 * `shipped` is what `npm start` builds.
 */
export async function builtPage(kind: 'checked' | 'shipped'): Promise<string> {
  if (kind === 'shipped' && process.env['TESSERA_BUILT'] === '1') return join(root, 'dist');
  const outDir = join(inject('pages'), kind);
  if (existsSync(outDir)) return outDir;
  // Vitest's own environment bundles React for development.
  if (kind === 'shipped') vi.stubEnv('NODE_ENV', 'production');
  await build({ root, logLevel: 'warn', build: { outDir, emptyOutDir: true } });
  vi.unstubAllEnvs();
  return outDir;
}

/** Folder of pages of which one is GraphiQL, as `npm start` builds it. */
export async function builtGraphiql(): Promise<string> {
  if (process.env['TESSERA_BUILT'] === '1') return join(root, 'dist');
  const pages = join(inject('pages'), 'graphiql');
  const configFile = join(root, 'vite.graphiql.config.ts');
  vi.stubEnv('NODE_ENV', 'production');
  await build({ configFile, logLevel: 'error', build: { outDir: join(pages, 'graphiql') } });
  vi.unstubAllEnvs();
  writeFileSync(join(pages, 'index.html'), '<p>the page</p>');
  return pages;
}

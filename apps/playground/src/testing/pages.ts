import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';

declare module 'vitest' {
  interface ProvidedContext {
    /** A folder for what `builtPage` builds. */
    pages: string;
  }
}

/** Once for all files of tests of this package. */
export function setup(project: TestProject): () => void {
  const pages = mkdtempSync(join(tmpdir(), 'tessera-pages-'));
  project.provide('pages', pages);
  return () => rmSync(pages, { recursive: true, force: true });
}

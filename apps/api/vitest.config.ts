import { createRequire } from 'node:module';
import { mergeConfig } from 'vitest/config';
import { packageConfig } from '../../vitest.shared.ts';

// graphql ships two copies of itself, index.js and index.mjs. Node takes the first, and so must the tests: a schema of
// one copy is a stranger to the other.
const graphql = createRequire(import.meta.url).resolve('graphql');

export default mergeConfig(packageConfig, {
  resolve: { alias: [{ find: /^graphql$/, replacement: graphql }] },
  test: {
    // One PostgreSQL for all files, and a PGlite to be copied.
    globalSetup: '../../packages/store/src/testing/databases.ts',
    // Files share the modules that are loaded: to load them again for each file took half of the time.
    isolate: false,
  },
});

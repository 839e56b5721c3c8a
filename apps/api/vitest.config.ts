import { createRequire } from 'node:module';
import { mergeConfig } from 'vitest/config';
import { builtEnvironment, oneProcessConfig } from '../../vitest.shared.ts';

// graphql ships two copies of itself, index.js and index.mjs. Node takes the first, and so must the tests: a schema of
// one copy is a stranger to the other.
const graphql = createRequire(import.meta.url).resolve('graphql');

export default mergeConfig(oneProcessConfig, {
  resolve: { alias: [{ find: /^graphql$/, replacement: graphql }] },
  // One PostgreSQL for all files, and a PGlite to be copied.
  test: { globalSetup: '../../packages/store/src/testing/databases.ts', env: builtEnvironment },
});

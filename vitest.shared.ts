import { defaultServerConditions } from 'vite';
import { configDefaults, defineConfig, mergeConfig } from 'vitest/config';

/** Tests that take minutes: `npm run test:long` runs them, and `npm test` does not. */
const LONG = 'src/**/*.long.test.ts';
const isLong = process.env['TESSERA_TESTS'] === 'long';

/** As Node itself resolves: it knows no `module`, which some packages keep for bundlers alone. */
const conditions = ['@tessera/source', ...defaultServerConditions.filter((condition) => condition !== 'module')];

/** Every package tests its sources directly, without a build. */
export const packageConfig = defineConfig({
  ssr: { resolve: { conditions } },
  test: {
    include: [isLong ? LONG : 'src/**/*.test.ts'],
    exclude: isLong ? configDefaults.exclude : [...configDefaults.exclude, LONG],
    testTimeout: 60_000,
    // Tests that say nothing of targets mean the one that everybody has, whatever else is set up here.
    env: { ORT_DISABLE_TELEMETRY: '1', TESSERA_TARGET: 'onnx' },
    pool: 'forks',
    maxWorkers: 1,
  },
});

/**
 * For packages whose tests start programs of the repository: under turbo from their builds, which `dependsOn` of
 * turbo.json makes before; where Vitest is run by itself from their sources, since a build may be an old one.
 */
export const builtEnvironment = { TESSERA_BUILT: process.env['TURBO_HASH'] === undefined ? '' : '1' };
export const builtConfig = mergeConfig(packageConfig, { test: { env: builtEnvironment } });

/** For packages whose tests leave nothing behind in their process: the files share the modules that are loaded. */
export const oneProcessConfig = mergeConfig(packageConfig, { test: { isolate: false } });

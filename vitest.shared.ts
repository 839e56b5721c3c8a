import { defaultServerConditions } from 'vite';
import { defineConfig, mergeConfig } from 'vitest/config';
import type { TestCase } from 'vitest/node';

/** Tests that take long, or whose subject others test in short: `npm run test:long` runs them, and `npm test` does not. */
const LONG = 'long';
/** Which tests are run. Vitest reads it from the configuration of all packages where several are run at once. */
export const tagsFilter = [process.env['TESSERA_TESTS'] === 'long' ? LONG : `!${LONG}`];

/** As Node itself resolves: it knows no `module`, which some packages keep for bundlers alone. */
const conditions = ['@tessera/source', ...defaultServerConditions.filter((condition) => condition !== 'module')];

/** Every package tests its sources directly, without a build. */
export const packageConfig = defineConfig({
  ssr: { resolve: { conditions } },
  test: {
    include: ['src/**/*.test.ts'],
    tags: [{ name: LONG, description: 'for `npm run test:long`' }],
    tagsFilter,
    // A machine that does other work beside is slow, and not wrong.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 20_000 } },
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
export const builtConfig = mergeConfig(packageConfig, {
  test: {
    env: builtEnvironment,
    // Browsers, servers and clocks of a shared machine: CI tries once more what failed, and lists it at its end.
    retry: process.env['CI'] ? 1 : 0,
    reporters: ['default', { onTestCaseResult: tellFlaky }],
  },
});

function tellFlaky(test: TestCase): void {
  if (!test.diagnostic()?.flaky) return;
  const why = test.result().errors?.[0]?.message.split('\n')[0] ?? '';
  console.log(`passed at the second attempt only: ${test.module.relativeModuleId} > ${test.fullName}: ${why}`);
}

/** For packages whose tests leave nothing behind in their process: the files share the modules that are loaded. */
export const oneProcessConfig = mergeConfig(packageConfig, { test: { isolate: false } });

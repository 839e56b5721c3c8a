import { defaultServerConditions } from 'vite';
import { defineConfig } from 'vitest/config';

/** Every package tests its sources directly, without a build. */
export const packageConfig = defineConfig({
  ssr: { resolve: { conditions: ['@tessera/source', ...defaultServerConditions] } },
  test: {
    include: ['src/**/*.test.ts'],
    testTimeout: 60_000,
    // Tests that say nothing of targets mean the one that everybody has, whatever else is set up here.
    env: { ORT_DISABLE_TELEMETRY: '1', TESSERA_TARGET: 'onnx' },
    pool: 'forks',
    maxWorkers: 1,
  },
});

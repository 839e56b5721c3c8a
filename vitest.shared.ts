import { defaultServerConditions } from 'vite';
import { defineConfig } from 'vitest/config';

/** Every package tests its sources directly, without a build. */
export const packageConfig = defineConfig({
  ssr: { resolve: { conditions: ['@tessera/source', ...defaultServerConditions] } },
  test: {
    include: ['src/**/*.test.ts'],
    testTimeout: 60_000,
    env: { ORT_DISABLE_TELEMETRY: '1' },
    pool: 'forks',
    maxWorkers: 1,
  },
});

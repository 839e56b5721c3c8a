import { mergeConfig } from 'vitest/config';
import { packageConfig } from '../../vitest.shared.ts';

// The five minutes of mixed load and the rounds of faults wait for the same time: side by side they take half of it.
export default mergeConfig(packageConfig, { test: { maxWorkers: 2 } });

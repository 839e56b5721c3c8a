import { mergeConfig } from 'vitest/config';
import { builtConfig } from '../../vitest.shared.ts';

// The five minutes of mixed load and the rounds of faults wait for the same time: side by side they take half of it.
// They wait more than they work, so `turbo.json` lets them begin once the command is built, and always: each run has
// another seed. A promise that is broken once is broken: nothing is tried again.
export default mergeConfig(builtConfig, { test: { maxWorkers: 2, retry: 0, sequence: { groupOrder: 1 } } });

import { mergeConfig } from 'vitest/config';
import { builtConfig } from '../../vitest.shared.ts';

// The page is built once for all files.
export default mergeConfig(builtConfig, { test: { globalSetup: 'src/testing/pages.ts' } });

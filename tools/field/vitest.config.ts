import { builtConfig } from '../../vitest.shared.ts';

export default builtConfig;

import { oneProcessConfig } from '../../vitest.shared.ts';

export default oneProcessConfig;

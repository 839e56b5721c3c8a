import { defineConfig } from '@tessera/plugin-kit';
import { projectedGuidance } from './src/index.ts';

export const config = defineConfig({ plugins: [projectedGuidance] });

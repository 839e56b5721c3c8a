import { defineConfig } from '@tessera/plugin-kit';
import { intervalGuidance } from './src/index.ts';

export const config = defineConfig({ plugins: [intervalGuidance] });

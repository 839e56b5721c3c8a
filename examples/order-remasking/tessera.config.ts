import { defineConfig } from '@tessera/plugin-kit';
import { remaskingOrder } from './src/index.ts';

export const config = defineConfig({ plugins: [remaskingOrder] });

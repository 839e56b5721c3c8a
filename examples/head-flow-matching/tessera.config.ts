import { defineConfig } from '@tessera/plugin-kit';
import { flowMatchingHead } from '@tessera-examples/head-flow-matching';

export const config = defineConfig({ plugins: [flowMatchingHead] });

import { defineConfig } from '@tessera/core';
import { flowMatchingHead } from '@tessera-examples/head-flow-matching';

export const config = defineConfig({ plugins: [flowMatchingHead] });

import { defineConfig } from '@tessera/plugin-kit';
import { placedBackbone } from '@tessera-examples/any-size';

export const config = defineConfig({ plugins: [placedBackbone] });

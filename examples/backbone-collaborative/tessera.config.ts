import { defineConfig } from '@tessera/plugin-kit';
import { collaborativeBackbone } from '@tessera-examples/backbone-collaborative';

export const config = defineConfig({ plugins: [collaborativeBackbone] });

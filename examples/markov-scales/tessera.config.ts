import { defineConfig } from '@tessera/plugin-kit';
import { markovBackbone, maskedScalesOrder } from '@tessera-examples/markov-scales';

export const config = defineConfig({ plugins: [markovBackbone, maskedScalesOrder] });

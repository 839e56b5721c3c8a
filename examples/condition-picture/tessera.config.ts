import { defineConfig } from '@tessera/plugin-kit';
import { pictureCondition } from '@tessera-examples/condition-picture';

export const config = defineConfig({ plugins: [pictureCondition] });

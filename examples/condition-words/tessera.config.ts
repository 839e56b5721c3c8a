import { defineConfig } from '@tessera/plugin-kit';
import { wordsCondition } from '@tessera-examples/condition-words';

export const config = defineConfig({ plugins: [wordsCondition] });

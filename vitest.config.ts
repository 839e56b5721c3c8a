import { defineConfig } from 'vitest/config';
import { tagsFilter } from './vitest.shared.ts';

export default defineConfig({ test: { projects: ['packages/*', 'apps/*', 'tools/*', 'examples/*'], tagsFilter } });

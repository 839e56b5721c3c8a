import type { AnyPlugin } from './any-plugin.ts';

/** What `tessera.config.ts` exports as `config`. */
export interface TesseraConfig {
  /** Every plug-in that models and recipes of this project may name, besides Tessera's own. */
  readonly plugins: readonly AnyPlugin[];
}

/** Checks the types of a configuration; nothing is registered. */
export function defineConfig(config: TesseraConfig): TesseraConfig {
  return config;
}

import type { AnyPlugin } from './any-plugin.ts';

/** What `tessera.config.ts` exports as `config`. */
export interface TesseraConfig {
  /**
   * Every plug-in that models and recipes of this project may name, besides Tessera's own. A string is a module that
   * exports some, a package (`@acme/head`) or a path from this file (`./my-head.ts`): where it cannot be imported, the
   * others still work.
   */
  readonly plugins: readonly (AnyPlugin | string)[];
}

/** Checks the types of a configuration; nothing is registered. */
export function defineConfig(config: TesseraConfig): TesseraConfig {
  return config;
}

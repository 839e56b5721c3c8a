/** How masked prediction hides tokens. */
export interface MaskingRecipe {
  /** The least share of tokens that a batch hides; one token is hidden always. */
  readonly leastRate: number;
  /** How far shares deviate from 1. */
  readonly deviation: number;
  /** How many programs serve the counts between. */
  readonly programs: number;
}

/** What a recipe leaves out; shares are those of MAR (arXiv 2406.11838, section 3.3). */
export const maskingDefaults: MaskingRecipe = { leastRate: 0.7, deviation: 0.25, programs: 2 };

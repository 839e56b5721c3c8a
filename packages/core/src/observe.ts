import type { Canvas, Context, Hidden, Pixels, Rollout, Sampled } from './contracts.ts';
import type { Step, Tokens } from './tokens.ts';

/**
 * What the loop has just done, in the order in which it comes: a step reads the canvas, computes hidden states, draws
 * tokens and writes them; then each row is rendered. Steps that are replayed draw nothing, and read only where the
 * rollout remembers and a step is still to be drawn.
 */
export type Moment =
  | {
      readonly type: 'read';
      readonly step: Step;
      readonly context: Context;
      /** Guidance weight w of this step. */
      readonly weight: number;
      /** Whether the rows are doubled: see `Hidden.guided`. */
      readonly guided: boolean;
      /** What computes the hidden states next: one that remembers nothing may be asked for other positions too. */
      readonly rollout: Rollout;
    }
  | { readonly type: 'hidden'; readonly step: Step; readonly hidden: Hidden }
  /** Tokens as the head drew them, before an order by confidence chooses and before kept tokens win. */
  | { readonly type: 'drawn'; readonly step: Step; readonly sampled: Sampled }
  /** `step` and `tokens` as they were written, and the canvas after it. */
  | { readonly type: 'written'; readonly step: Step; readonly tokens: Tokens; readonly canvas: Canvas }
  | { readonly type: 'rendered'; readonly row: number; readonly pixels: Pixels };

/**
 * Looks into a generation, for traces and tests. All that a moment holds is borrowed until the answer: copy what is to
 * stay, dispose nothing. The loop waits for the answer; an error ends the generation.
 */
export type Observer = (moment: Moment) => void | Promise<void>;

import { schema, type Field } from '@tessera/schema';

/** One of the two transformers. */
export interface TransformerConfig {
  readonly depth: number;
  readonly width: number;
  readonly heads: number;
}

/** Configuration of the masked encoder-decoder (MAR, arXiv 2406.11838, section 3.3 and appendix B). */
export interface MaskedConfig {
  readonly classes: number;
  /** Sees the known tokens alone. */
  readonly encoder: TransformerConfig;
  /** Sees all positions. */
  readonly decoder: TransformerConfig;
  /** Tokens of the class put before those of the image. */
  readonly buffer: number;
  /** Hidden width of the feed-forward layers as a multiple of the width. */
  readonly mlpRatio: number;
  /** In training: of attention weights and of what the layers add. */
  readonly dropout: number;
}

const { object, integer, number, optional, refine } = schema;
/** Far above anything that was ever trained, and small enough that a broken file cannot ask for the whole machine. */
const upTo = (max: number) => integer({ min: 1, max });

const transformer: Field<TransformerConfig> = refine(
  object({ depth: upTo(512), width: upTo(65536), heads: upTo(1024) }),
  ({ width, heads }) => (width % heads === 0 ? null : 'a width that its heads divide'),
);

export const maskedConfig = object({
  classes: upTo(2 ** 20),
  encoder: transformer,
  decoder: transformer,
  buffer: optional(upTo(4096), 64),
  mlpRatio: optional(number({ min: 0.25, max: 64 }), 4),
  dropout: optional(number({ min: 0, max: 0.99 }), 0.1),
});

import * as tf from '@tensorflow/tfjs';
import type { Tensor, Tensor3D, Tensor4D } from '@tensorflow/tfjs';
import { nn } from '@tessera/engine';
import { headsFirst, HIDDEN } from '../attention.ts';
import { linear } from '../linear.ts';
import type { BlockParams } from './params.ts';

/** Logarithm of the largest scale of normalised queries, as in the official code. */
const MAX_LOG_SCALE = Math.log(100);

/** Keys and values, tokens first, so that a cache grows at its end: [tokens, R, heads, head size]. */
export type KeysValues = {
  readonly k_PRNH: Tensor4D;
  readonly v_PRNH: Tensor4D;
};

export interface AttentionInput {
  readonly x_RlD: Tensor3D;
  readonly heads: number;
  /** Keys and values of earlier tokens, which all new ones see. */
  readonly past: KeysValues | null;
  /** Added to the scores: [1, 1, l, l]; null where every token sees all. */
  readonly bias: Tensor | null;
  /** In place of `bias`: spans that cover all tokens, of which none sees a later span. Nothing is computed for what is hidden. */
  readonly spans?: readonly Span[] | undefined;
}

/** Successive tokens, which see all tokens up to their end. */
export interface Span {
  readonly start: number;
  readonly end: number;
  /** Added to their scores: [1, 1, end - start, end]; null where they see all of these. */
  readonly bias: Tensor | null;
}

export interface AttentionOutput {
  readonly x_RlD: Tensor3D;
  /** Of the new tokens alone; keys are normalised already. */
  readonly added: KeysValues;
}

/**
 * Multi-head attention of new tokens to those before them and to each other. Queries and keys are normalised to unit
 * length (VAR, arXiv 2404.02905, section 3.3), queries then scaled by a learned factor per head.
 */
export function attend(params: BlockParams, { x_RlD, heads, past, bias, spans }: AttentionInput): AttentionOutput {
  const [R, l, D] = x_RlD.shape;
  const { qBias_D, vBias_D, scaleMul } = params;
  // Keys have no bias: it would add the same number to all scores of a query, which softmax ignores.
  const qkv = nn.linear(x_RlD, params.qkv_OI, tf.concat([qBias_D, tf.zeros([D]), vBias_D]));
  const [q_RlNH, k_RlNH, v_RlNH] = tf.split(tf.reshape(qkv, [R, l, 3 * heads, D / heads]), 3, 2);
  const q_RNlH = headsFirst(q_RlNH!);
  const added = {
    k_PRNH: tokensFirst(scaleMul ? nn.normalize(k_RlNH!, 1e-12) : k_RlNH!),
    v_PRNH: tokensFirst(v_RlNH!),
  };
  const k_RNTH = tf.transpose(past ? tf.concat([past.k_PRNH, added.k_PRNH], 0) : added.k_PRNH, [1, 2, 0, 3]);
  const v_RNTH = tf.transpose(past ? tf.concat([past.v_PRNH, added.v_PRNH], 0) : added.v_PRNH, [1, 2, 0, 3]);
  const scaled = scaleMul ? scaleQueries(q_RNlH, scaleMul) : q_RNlH;
  const scale = scaleMul ? 1 : 0.25 / Math.sqrt(D / heads);
  const attended = spans
    ? inSpans(spans, { q_RNlH: scaled, k_RNTH: k_RNTH as Tensor4D, v_RNTH: v_RNTH as Tensor4D, scale })
    : nn.attention(scaled, k_RNTH as Tensor4D, v_RNTH as Tensor4D, scale, bias);
  const joined_RlD = tf.reshape(tf.transpose(attended, [0, 2, 1, 3]), [R, l, D]) as Tensor3D;
  return { x_RlD: linear(joined_RlD, params.proj), added };
}

/** Attention of each span to the tokens up to its end. */
function inSpans(
  spans: readonly Span[],
  { q_RNlH, k_RNTH, v_RNTH, scale }: Readonly<Record<'q_RNlH' | 'k_RNTH' | 'v_RNTH', Tensor4D>> & { scale: number },
): Tensor4D {
  const tokens = (x_RNTH: Tensor4D, start: number, end: number): Tensor4D =>
    tf.slice(x_RNTH, [0, 0, start, 0], [-1, -1, end - start, -1]);
  const parts = spans.map(({ start, end, bias }) =>
    nn.attention(tokens(q_RNlH, start, end), tokens(k_RNTH, 0, end), tokens(v_RNTH, 0, end), scale, bias),
  );
  return parts.length === 1 ? parts[0]! : tf.concat(parts, 2);
}

function scaleQueries(q_RNlH: Tensor4D, scaleMul: Tensor): Tensor4D {
  return tf.mul(nn.normalize(q_RNlH, 1e-12), tf.exp(tf.minimum(scaleMul, MAX_LOG_SCALE)));
}

function tokensFirst(x_RlNH: Tensor): Tensor4D {
  return tf.transpose(x_RlNH, [1, 0, 2, 3]) as Tensor4D;
}

/**
 * Added to the scores, [l, l]: a token sees those of its own group and of lower ones. Groups are scales for block-causal
 * attention (VAR, figure 4), single tokens for causal attention.
 */
export function maskValues(group_l: ArrayLike<number>): Float32Array {
  const { length } = group_l;
  const mask = new Float32Array(length * length);
  for (let query = 0; query < length; query++) {
    for (let key = 0; key < length; key++) if (group_l[key]! > group_l[query]!) mask[query * length + key] = HIDDEN;
  }
  return mask;
}

/** The fewest tokens of a group that are worth an attention of their own: smaller ones beside each other share one. */
const WIDE = 64;

/** Spans of block-causal attention, in place of its mask (see `maskValues`). Groups follow each other. Traceable. */
export function spansOf(group_l: ArrayLike<number>): readonly Span[] {
  const group = Array.from(group_l);
  const ends = group.flatMap((own, token) => (own === group[token + 1] ? [] : [token + 1]));
  const merged: { start: number; end: number; groups: number }[] = [];
  for (const [index, end] of ends.entries()) {
    const start = ends[index - 1] ?? 0;
    const last = merged.at(-1);
    const isSmall = end - start < WIDE && last && last.end - last.start < WIDE;
    if (isSmall) merged[merged.length - 1] = { ...last, end, groups: last.groups + 1 };
    else merged.push({ start, end, groups: 1 });
  }
  return merged.map(({ start, end, groups }) => ({
    start,
    end,
    bias: groups === 1 ? null : tf.slice(maskOf(group.slice(0, end)), [0, 0, start, 0], [1, 1, end - start, end]),
  }));
}

/** The mask as a tensor, [1, 1, l, l]. */
export function maskOf(group_l: ArrayLike<number>): Tensor4D {
  return tf.tensor4d(maskValues(group_l), [1, 1, group_l.length, group_l.length]);
}

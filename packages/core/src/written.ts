import type { Tensor2D, Tensor3D } from '@tensorflow/tfjs';
import { tensorFrom } from '@tessera/engine';
import { TesseraError } from '@tessera/errors';
import type { Hidden, Sampled } from './contracts.ts';
import type { Chosen, Row, Space, Step, Tokens } from './tokens.ts';

/** What a head gave in one step, as plain numbers: it can be stored, sent, and replayed in another process. */
export interface Written {
  /** [B, l, C] row-major. */
  readonly values: Float32Array;
  /** [B, l] row-major; discrete tokens have it. */
  readonly index?: Int32Array;
  readonly confidence?: Float32Array;
}

/** Numbers of sampled tokens, copied: a head may use its arrays again. */
export async function writtenOf({ tokens, confidence_Bl }: Sampled): Promise<Written> {
  const { values_BlC, index_Bl } = tokens;
  return {
    values: (await values_BlC.data<'float32'>()).slice(),
    ...(index_Bl && { index: (await index_Bl.data<'int32'>()).slice() }),
    ...(confidence_Bl && { confidence: confidence_Bl.slice() }),
  };
}

interface Drawn {
  readonly hidden: Hidden;
  readonly step: Step;
  readonly space: Space;
}

/**
 * Checks the numbers of sampled tokens: damaged weights show first in what the head drew.
 * @throws TesseraError `part-numbers`, which says whether to look at the head or at the backbone
 */
export async function checkedNumbers(sampled: Sampled, { hidden, step, space }: Drawn): Promise<Written> {
  const written = await writtenOf(sampled);
  const found = wrongNumber(written, space);
  if (found === null) return written;
  const given = (await hidden.values_RlD.data<'float32'>()).find((value) => !Number.isFinite(value));
  throw new TesseraError({
    code: 'part-numbers',
    who: 'sample',
    got: `${found} drawn by the head at step ${step.index + 1} of ${step.of}`,
    expected: 'finite numbers, and indices of the codebook',
    next:
      given === undefined
        ? 'Its hidden states are finite: look at the weights of the head.'
        : `Its hidden states hold ${given} too: look at the backbone and its weights first.`,
  });
}

function wrongNumber({ values, index, confidence }: Written, space: Space): string | null {
  const value = values.find((one) => !Number.isFinite(one));
  if (value !== undefined) return `tokens of ${value}`;
  const outside = space.kind === 'discrete' && index?.find((one) => !(one >= 0 && one < space.vocabulary));
  if (typeof outside === 'number') return `the index ${outside}`;
  return confidence?.some(Number.isNaN) ? 'a confidence of NaN' : null;
}

/** @throws TesseraError `written-misfit` where more steps were written than the order has */
export function checkReplay(written: readonly Written[], { of }: Step): void {
  if (written.length <= of) return;
  throw misfit(`${written.length} steps written`, `${of} at most, all that this order has`);
}

/** Sampled tokens of stored numbers. @throws TesseraError `written-misfit` where they belong to another request */
export function reopen(
  { values, index, confidence }: Written,
  { index: step, positions_Bl }: Step,
  { rows, space }: { readonly rows: readonly Row[]; readonly space: Space },
): Sampled {
  const [batch, count, channels] = [rows.length, positions_Bl.length, space.channels];
  if (values.length !== count * channels || (index && index.length !== count)) {
    throw misfit(
      `${values.length} numbers written at step ${step}`,
      `${count * channels}: ${batch} rows of ${count / batch} tokens of ${channels} channels`,
    );
  }
  const l = count / batch;
  return {
    tokens: {
      values_BlC: tensorFrom(Float32Array.from(values), [batch, l, channels]) as Tensor3D,
      ...(index && { index_Bl: tensorFrom(Int32Array.from(index), [batch, l], 'int32') as Tensor2D }),
    },
    ...(confidence && { confidence_Bl: confidence.slice() }),
  };
}

function misfit(got: string, expected: string): TesseraError {
  const next = 'Replay what the same request wrote: same model, rows and options.';
  return new TesseraError({ code: 'written-misfit', who: 'sample', got, expected, next });
}

/** The tokens that a plan keeps of those that were sampled, as new tensors. */
export async function pickTokens({ values_BlC, index_Bl }: Tokens, { slots_Bl }: Chosen): Promise<Tokens> {
  const [batch, , channels] = values_BlC.shape;
  const kept = slots_Bl.length / batch;
  const values = await values_BlC.data<'float32'>();
  const picked = new Float32Array(slots_Bl.length * channels);
  for (const [i, slot] of slots_Bl.entries()) {
    picked.set(values.subarray(slot * channels, (slot + 1) * channels), i * channels);
  }
  const tokens = { values_BlC: tensorFrom(picked, [batch, kept, channels]) as Tensor3D };
  if (!index_Bl) return tokens;
  const index = await index_Bl.data<'int32'>();
  const pickedIndex = slots_Bl.map((slot) => index[slot]!);
  return { ...tokens, index_Bl: tensorFrom(pickedIndex, [batch, kept], 'int32') as Tensor2D };
}

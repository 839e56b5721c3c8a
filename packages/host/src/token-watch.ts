import type { Described, Observer } from '@tessera/core';
import type { TokenDetails } from './protocol.ts';
import type { Rows } from './written-bytes.ts';

/** What is known of the tokens of one step, of all images of the batch, where each was written. */
interface Seen {
  readonly codes: Int32Array | null;
  readonly logProbabilities: Float32Array | null;
  readonly entropies: Float32Array | null;
  readonly likeliest: Described['likeliest'] | null;
}

/** Five decimals are more than a page can show, and half as long. */
const DECIMALS = 1e5;

/** Looks at the tokens as they are drawn, for requests that ask for details. Steps that are replayed draw nothing. */
export class TokenWatch {
  #drawn: { readonly positions_Bl: Int32Array; readonly seen: Seen } | null = null;
  #written: Seen | null = null;

  readonly observe: Observer = async (moment) => {
    if (moment.type === 'drawn') {
      const { tokens, describe } = moment.sampled;
      const known = describe?.();
      const codes = tokens.index_Bl ? (await tokens.index_Bl.data<'int32'>()).slice() : null;
      const seen = {
        codes,
        logProbabilities: known?.logProbability_Bl ?? null,
        entropies: known?.entropy_Bl ?? null,
        likeliest: known?.likeliest ?? null,
      };
      this.#drawn = { positions_Bl: moment.step.positions_Bl, seen };
    } else if (moment.type === 'written' && this.#drawn) {
      this.#written = chosen(this.#drawn, moment.step.positions_Bl, moment.tokens.values_BlC.shape[0]);
      this.#drawn = null;
    }
  };

  /** Of some images of the batch at the step that was just written. */
  detailsOf({ first, count, all }: Rows): TokenDetails {
    const ofImages = <T>(numbers: number, read: (start: number, end: number) => T): T[] => {
      const each = numbers / all;
      return Array.from({ length: count }, (_, i) => read((first + i) * each, (first + i + 1) * each));
    };
    const lists = (numbers: Int32Array | Float32Array | null | undefined) =>
      numbers ? ofImages(numbers.length, (start, end) => Array.from(numbers.subarray(start, end), rounded)) : null;
    const { codes, logProbabilities, entropies, likeliest } = this.#written ?? {};
    const tokens = logProbabilities?.length ?? 0;
    const tops = likeliest && ofImages(tokens, (start, end) => topsOf(likeliest, { start, end, all: tokens }));
    return {
      codes: lists(codes),
      logProbabilities: lists(logProbabilities),
      entropies: lists(entropies),
      topCodes: tops?.map((tokens) => tokens.map(({ codes }) => codes)) ?? null,
      topProbabilities: tops?.map((tokens) => tokens.map(({ probabilities }) => probabilities)) ?? null,
    };
  }
}

function rounded(value: number): number {
  return Math.round(value * DECIMALS) / DECIMALS;
}

interface Slots {
  readonly start: number;
  readonly end: number;
  /** Tokens of all images. */
  readonly all: number;
}

/** Of each token the codes that could be drawn, with their probabilities. */
function topsOf({ code_BlK, probability_BlK }: NonNullable<Described['likeliest']>, { start, end, all }: Slots) {
  const K = code_BlK.length / all;
  return Array.from({ length: end - start }, (_, i) => {
    const from = (start + i) * K;
    const probabilities = [...probability_BlK.subarray(from, from + K)].filter((one) => one > 0);
    return {
      codes: [...code_BlK.subarray(from, from + probabilities.length)],
      probabilities: probabilities.map(rounded),
    };
  });
}

/** Orders by confidence write only some of the tokens that were drawn. */
function chosen(
  { positions_Bl: drawn_Bl, seen }: { readonly positions_Bl: Int32Array; readonly seen: Seen },
  written_Bl: Int32Array,
  rows: number,
): Seen {
  if (written_Bl.length === drawn_Bl.length) return seen;
  const [drawn, written] = [drawn_Bl.length / rows, written_Bl.length / rows];
  const slots = Array.from(written_Bl, (position, i) => {
    const row = Math.floor(i / written);
    return drawn_Bl.subarray(row * drawn, (row + 1) * drawn).indexOf(position) + row * drawn;
  });
  return {
    codes: seen.codes && Int32Array.from(slots, (slot) => seen.codes![slot]!),
    logProbabilities: seen.logProbabilities && Float32Array.from(slots, (slot) => seen.logProbabilities![slot]!),
    entropies: seen.entropies && Float32Array.from(slots, (slot) => seen.entropies![slot]!),
    likeliest: seen.likeliest && likeliestOf(seen.likeliest, slots, drawn_Bl.length),
  };
}

function likeliestOf(
  { code_BlK, probability_BlK }: NonNullable<Seen['likeliest']>,
  slots: readonly number[],
  all: number,
) {
  const K = code_BlK.length / all;
  const wide = slots.flatMap((slot) => Array.from({ length: K }, (_, k) => slot * K + k));
  return {
    code_BlK: Int32Array.from(wide, (at) => code_BlK[at]!),
    probability_BlK: Float32Array.from(wide, (at) => probability_BlK[at]!),
  };
}

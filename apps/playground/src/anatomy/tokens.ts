import type { Step, TokenMap } from '../api/operations.ts';

/** What is known of one token of an image. Numbers of which the server told nothing are null. */
export interface Token {
  readonly position: number;
  /** Among the steps that the page has. */
  readonly step: number;
  /** The step as the server counts it, from 0, of so many. */
  readonly index: number;
  readonly of: number;
  readonly code: number | null;
  /** In nats, as `entropy`. */
  readonly logProbability: number | null;
  readonly entropy: number | null;
  /** Likeliest first; empty where they are not known. */
  readonly top: readonly { readonly code: number; readonly probability: number }[];
}

/** Positions that a step wrote in one image: a list of its own, or the one list of all images. */
export function positionsOf({ positions }: Step, image: number): readonly number[] {
  return (positions.length === 1 ? positions[0] : positions[image]) ?? [];
}

/** Positions whose tokens an edit has kept: those of the given picture, whatever a step draws there. */
export function givenOf(steps: readonly Step[]): ReadonlySet<number> {
  return new Set(steps.flatMap(({ given }) => given ?? []));
}

/** The tokens of an image by their position, without those that were given. */
export function tokensOf(steps: readonly Step[], image: number): ReadonlyMap<number, Token> {
  const tokens = new Map<number, Token>();
  const given = givenOf(steps);
  for (const [step, { index, of, details, ...rest }] of steps.entries()) {
    const codes = details?.codes?.[image];
    const logProbabilities = details?.logProbabilities?.[image];
    const entropies = details?.entropies?.[image];
    const [topCodes, topProbabilities] = [details?.topCodes?.[image], details?.topProbabilities?.[image]];
    for (const [i, position] of positionsOf({ ...rest, index, of, details }, image).entries()) {
      if (given.has(position)) continue;
      tokens.set(position, {
        position,
        step,
        index,
        of,
        code: codes?.[i] ?? null,
        logProbability: logProbabilities?.[i] ?? null,
        entropy: entropies?.[i] ?? null,
        top: (topCodes?.[i] ?? []).map((code, k) => ({ code, probability: topProbabilities?.[i]?.[k] ?? 0 })),
      });
    }
  }
  return tokens;
}

/** The map on which most of a step's tokens lie; the finest where it has none in this image. */
export function mapOf(positions: readonly number[], layout: readonly TokenMap[]): TokenMap {
  const last = layout.at(-1)!;
  const [first] = positions;
  return layout.find((map) => first !== undefined && first < map.start + sizeOf(map)) ?? last;
}

function sizeOf({ height, width }: TokenMap): number {
  return height * width;
}

/** A place on a map, row by row. */
export interface Cell {
  readonly token: Token | null;
  /** Drawn by the step shown. */
  readonly isNew: boolean;
  /** Of the picture that is edited. */
  readonly isGiven: boolean;
}

interface Known {
  readonly tokens: ReadonlyMap<number, Token>;
  readonly given: ReadonlySet<number>;
}

/** How a map is filled after a step. */
export function cellsAt({ tokens, given }: Known, map: TokenMap, step: number): readonly Cell[] {
  return Array.from({ length: sizeOf(map) }, (_, i) => {
    const token = tokens.get(map.start + i);
    const isGiven = given.has(map.start + i);
    return { token: token && token.step <= step ? token : null, isNew: token?.step === step, isGiven };
  });
}

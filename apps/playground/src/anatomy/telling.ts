import type { Model, Step, TokenMap } from '../api/operations.ts';
import type { GenerationState } from '../runs/generation-state.ts';
import { counted, formatTime } from '../runs/sentences.ts';
import { mostDetailed } from '../settings/settings.ts';
import { bits } from './layers.ts';
import { positionsOf, type Token } from './tokens.ts';

/** How a model comes to an image. Of orders that the page does not know, only what one step is. */
export type Manner = 'scales' | 'chance' | 'surest' | 'rows' | 'own';

/** By the name of its order in the API, those of Tessera. */
const manners: Readonly<Record<string, Manner>> = {
  'next-scale': 'scales',
  raster: 'rows',
  random: 'chance',
  'random-sets': 'chance',
  confidence: 'surest',
};

export function mannerOf({ parts, stride }: Pick<Model, 'parts' | 'stride'>): Manner {
  if (stride === 'scale') return 'scales';
  return Object.hasOwn(manners, parts.order) ? manners[parts.order]! : 'own';
}

/** For people who have never heard of it. */
export const mannerTexts: Readonly<Record<Manner, string>> = {
  scales:
    'Each step is one scale: a finer grid over the whole picture. What it draws is added to what was there, so that a blur becomes a sketch, and a sketch becomes sharp.',
  chance:
    'Each step draws some of the missing tokens, in places chosen at random, and looks at all that are there already. Hatched places are still holes.',
  surest:
    'Each step draws all missing tokens and keeps those of which the model is surest. Hatched places are still holes.',
  rows: 'Each step draws the next token, row by row. Hatched places are still holes.',
  own: 'Each step draws some of the missing tokens, in an order of the model’s own. Hatched places are still holes.',
};

function grid({ height, width }: TokenMap): string {
  return `${height} × ${width}`;
}

interface Told {
  readonly step: Step;
  readonly image: number;
  readonly map: TokenMap;
  readonly manner: Manner;
  /** Positions whose tokens are those of the picture that is edited. */
  readonly given: ReadonlySet<number>;
}

/** One plain sentence for a step. */
export function sentenceOf({ step, image, map, manner, given }: Told): string {
  const positions = positionsOf(step, image);
  const count = positions.filter((position) => !given.has(position)).length;
  const head = `${manner === 'scales' ? 'Scale' : 'Step'} ${step.index + 1} of ${step.of}: `;
  if (positions.length === 0) return `${head}this step belongs to other images; here nothing changes.`;
  if (manner === 'scales') return `${head}${scaleText(count, positions.length, map, step.index > 0)}`;
  if (count === 0) return `${head}what it came to is given with the picture, and stays.`;
  const more =
    step.index === 0 ? counted(count, 'token') : `${counted(count, 'more token').replace(/^1 more/, 'one more')}`;
  switch (manner) {
    case 'chance':
      return `${head}${more} in ${count === 1 ? 'a place' : 'places'} chosen at random.`;
    case 'surest':
      return `${head}${more} of which the model was surest.`;
    case 'rows':
      return `${head}${more}, the next in its row.`;
    case 'own':
      return `${head}${more}.`;
  }
}

/** How many of its tokens a scale draws, and that they are added; the others are given with the picture. */
function scaleText(count: number, all: number, map: TokenMap, isAdded: boolean): string {
  const an = /^(8|11 |18 )/.test(grid(map)) ? 'an' : 'a';
  const where = all === 1 ? 'for the whole picture' : `of ${an} ${grid(map)} grid over the whole picture`;
  const added = isAdded ? ', predicted from the scales before and added to the picture so far' : '';
  if (count === 0) return all === 1 ? `the token ${where} is given.` : `all ${all} tokens ${where} are given.`;
  if (count < all) return `${count} of the ${all} tokens ${where}${added}; the others are given.`;
  return all === 1 ? `1 token ${where}${added}.` : `${all} tokens at once, one for each place ${where}${added}.`;
}

/** Of which scales a picture is the sum, up to a step counted from 1. */
export function sumOfScales(step: number, of: number): string {
  if (step === of) return `the sum of all ${of} scales`;
  return step === 1 ? 'scale 1 alone' : `the sum of scales 1 to ${step}`;
}

/** What a token is, for who meets the word here. */
export function tokenMeaning({ vocabulary }: Pick<Model, 'vocabulary'>, manner: Manner): string {
  const what = vocabulary === null ? 'a few numbers, which say' : `one of ${vocabulary} codes, which says`;
  const does = manner === 'scales' ? 'what one place of a grid adds' : 'what one place of the picture shows';
  return `A token is the smallest thing that the model draws: ${what} ${does}.`;
}

/** The same of the whole: all tokens, all steps, the time of the model. */
export function finishedSentence(
  { milliseconds }: Pick<GenerationState, 'milliseconds'>,
  tokens: ReadonlyMap<number, Token>,
  given: ReadonlySet<number>,
): string {
  const count = new Set([...tokens.values()].map(({ step }) => step)).size;
  const kept = given.size === 0 ? '' : `, ${given.size} given`;
  return `Finished: ${counted(tokens.size, 'token')} in ${counted(count, 'step')}${kept}; the model took ${formatTime(milliseconds)} for all images.`;
}

/** Short names for the shapes under the timeline. */
export function frameName(step: Step, image: number, map: TokenMap, manner: Manner): string {
  return manner === 'scales' ? grid(map) : `${step.index + 1}`;
}

/** A row from 1 and a column from 1 on a map. */
export function placeText(index: number, map: TokenMap): string {
  return `row ${Math.floor(index / map.width) + 1}, column ${(index % map.width) + 1} of ${grid(map)}`;
}

export function percent(probability: number): string {
  if (probability > 0 && probability < 0.001) return 'below 0.1 %';
  return `${(100 * probability).toFixed(probability < 0.1 ? 1 : 0)} %`;
}

/** All that is known of a token, in words; `missing` says why there is none. */
export function tokenText(token: Token | null, place: string, missing: string): string {
  if (!token) return `${sentenceCase(place)}: ${missing}`;
  const drawn = `${sentenceCase(place)}, drawn in step ${token.index + 1} of ${token.of}`;
  // Tokens of several factors have a probability, and no one code.
  const code = token.code === null ? '' : `: code ${token.code}`;
  if (token.logProbability === null || token.entropy === null) return `${drawn}${code}.`;
  const open = Math.round(Math.exp(token.entropy));
  const choice =
    open <= 1
      ? 'there was hardly a choice'
      : `the choice was as open as among ${open} equally likely ${token.code === null ? 'tokens' : 'codes'}`;
  const surprise = bits(-token.logProbability).toFixed(1);
  return `${drawn}${code}, with a probability of ${percent(Math.exp(token.logProbability))} (surprise ${surprise} bits); ${choice} (entropy ${bits(token.entropy).toFixed(1)} bits).`;
}

function sentenceCase(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** Why codes and probabilities are not there; null where they are. */
export function unknownText(step: Step, model: Model, images: number): string | null {
  if (model.vocabulary === null && !step.details?.logProbabilities)
    return `${model.title} draws continuous tokens: they have no codes, and their probabilities are not known.`;
  const most = mostDetailed(model);
  if (!step.details && images > most)
    return `Codes and probabilities are told of at most ${counted(most, 'image')} of this model at once: this run has ${images}. Generate fewer to see them.`;
  if (!step.details) return 'This run did not ask for details: codes and probabilities of its tokens are not known.';
  if (!step.details.codes && model.vocabulary !== null)
    return 'Tokens of this run are blends of several codes: they have no probabilities of their own.';
  return null;
}

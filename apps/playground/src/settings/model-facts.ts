import type { Model } from '../api/operations.ts';

/* What is said of a model where one chooses it. */

/** What one step does, by the stride of the model's order. */
const ways: Readonly<Record<string, string>> = {
  scale: 'grows sharper',
  set: 'fills holes',
  token: 'draws token by token',
  part: 'grows sharper, each scale in several steps',
};

/** How it draws, how large it is, and what it makes. */
export function factsOf({ stride, parameters, tokens, image: { width, height } }: Model): string {
  return `${ways[stride] ?? 'draws in its own way'} · ${shortCount(parameters)} parameters · ${tokens} tokens · ${width} × ${height} px`;
}

/** Descriptions begin with what the model is for; the rest is in its README. */
export function firstSentence(text: string): string {
  return /^.*?[.:](?=\s|$)/s.exec(text)?.[0].replace(/:$/, '.') ?? text;
}

function shortCount(count: number): string {
  return new Intl.NumberFormat('en', { notation: 'compact', maximumSignificantDigits: 3 }).format(count);
}

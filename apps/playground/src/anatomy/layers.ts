import type { Token } from './tokens.ts';

/** What can be laid over the picture, by the name that an address has. */
export const layers = ['off', 'order', 'surprise', 'entropy'] as const;
export type Layer = (typeof layers)[number];

/** By its name; Off where there is none. */
export function layerOf(name: string | null): Layer {
  return layers.find((layer) => layer === name) ?? 'off';
}

export const layerNames: Readonly<Record<Layer, string>> = {
  off: 'Off',
  order: 'By step',
  surprise: 'By surprise',
  entropy: 'By entropy',
};

/** What its colours mean. */
export const layerTexts: Readonly<Record<Exclude<Layer, 'off'>, string>> = {
  order: 'The step that drew a token.',
  surprise: 'How unlikely the drawn code was, -log p: 1 bit more is half as likely.',
  entropy: 'How open the choice was before the draw: 3 bits are as open as 8 equally likely codes.',
};

/** Lightness rises evenly, so that the order is seen without knowing the hues, and also in gray. */
export function rampColour(part: number): string {
  const value = (from: number, to: number) => (from + (to - from) * part).toFixed(3);
  return `oklch(${value(0.34, 0.92)} 0.115 ${value(300, 105)})`;
}

/** Numbers of the server are in nats. */
export function bits(nats: number): number {
  return nats / Math.LN2;
}

/** What a layer shows of a token; null where it is not known. */
export function valueOf(token: Token, layer: Layer): number | null {
  switch (layer) {
    case 'off':
      return null;
    case 'order':
      return token.index;
    case 'surprise':
      return token.logProbability === null ? null : bits(-token.logProbability);
    case 'entropy':
      return token.entropy === null ? null : bits(token.entropy);
  }
}

/** The largest value that a layer has in an image, at least 1: the end of its colours. Null where none is known. */
export function mostOf(tokens: Iterable<Token>, layer: Layer): number | null {
  const values = [...tokens].flatMap((token) => valueOf(token, layer) ?? []);
  return values.length === 0 ? null : Math.max(1, ...values);
}

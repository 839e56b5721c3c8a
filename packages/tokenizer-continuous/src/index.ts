export { kl16, klConfig, klScalesConfig, tokenChannels, type KlConfig } from './config.ts';
export { fitPreviewOnImages, fitPreviewOnNoise } from './fit-preview.ts';
export {
  clampMoments,
  decodeLatent,
  encodeMoments,
  fromTokens,
  klDivergence,
  latentOf,
  openKlVae,
  toTokens,
  type KlVae,
} from './kl-vae.ts';
export { klScalesTokenizer, takeApart } from './scales-tokenizer.ts';
export { klTokenizer, type KlTokenizer } from './tokenizer.ts';

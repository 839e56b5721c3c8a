export { kl16, klConfig, klLayout, latentSide, tokenChannels, type KlConfig } from './config.ts';
export { fitPreviewOnImages, fitPreviewOnNoise } from './fit-preview.ts';
export { decodeLatent, encodeMoments, openKlVae, type KlVae } from './kl-vae.ts';
export { fromTokens, toTokens } from './patches.ts';
export { clampMoments, drawLatent, klDivergence, latentOf } from './posterior.ts';
export { takeApart } from './latent-scales.ts';
export { klScalesConfig, type KlScalesConfig } from './scales-config.ts';
export { klScalesTokenizer, type KlScalesTokenizer, type KlScalesTokenizerPlugin } from './scales-tokenizer.ts';
export { klTokenizer, type KlTokenizer, type KlTokenizerPlugin } from './tokenizer.ts';

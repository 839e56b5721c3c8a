export {
  affine,
  runAdaLNMlp,
  takeAdaLNMlp,
  takeAffine,
  type AdaLNMlpDims,
  type AdaLNMlpParams,
  type Affine,
} from './adaln-mlp.ts';
export { cancelPoint } from './cancel-point.ts';
export { doubled, guidedNumber, mixGuided, type Mixture } from './guided-rows.ts';
export { noisePerToken, tokenKey } from './keyed-noise.ts';
export { takeNumbers, tokensFrom } from './read-back.ts';

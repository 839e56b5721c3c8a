export {
  affine,
  runAdaLNMlp,
  takeAdaLNMlp,
  takeAffine,
  type AdaLNMlpDims,
  type AdaLNMlpParams,
  type Affine,
} from './adaln-mlp.ts';
export { openMixture, type CleanRule, type Mixed, type Predicted } from './mixture.ts';
export {
  cancelPoint,
  doubled,
  guidedNumber,
  mixGuided,
  noisePerToken,
  takeNumbers,
  tokenKey,
  tokensFrom,
  type Mixture,
} from './sampling.ts';

export { canvasEmpty, checkImage, checkKept, checkMask, checkTokens, readsUnserved } from './checks.ts';
export { buildBackbone, conditionOf, type BackboneParts } from './build-backbone.ts';
export {
  buildAround,
  checkParts,
  compose,
  factsAtSize,
  type Materials,
  type Part,
  type PartFacts,
  type Parts,
} from './compose.ts';
export {
  encodeLabels,
  valueOf,
  withoutDropped,
  type BuiltCondition,
  type ConditionedBackbone,
  type ConditionForm,
  type Conditioning,
  type ConditionPart,
  type ConditionSpace,
  type Embedded,
  type EmbeddedBatch,
} from './condition.ts';
export type {
  Backbone,
  BoundBackbone,
  BoundBatch,
  Canvas,
  Context,
  Cut,
  Described,
  Head,
  Hidden,
  Kept,
  Order,
  OrderRequest,
  Pixels,
  Plan,
  PreviewKind,
  Reads,
  Rollout,
  SampleContext,
  Sampled,
  Tokenizer,
  TrainBatch,
  TrainCondition,
  TrainContext,
  TrainHidden,
  TrainTokens,
} from './contracts.ts';
export { disposeAll, disposedAfter, isTensor, tensorsOf, thenDispose, type Held } from './dispose.ts';
export { evenLevels, levelsOf, spaceFor, type FactorSpace } from './factors.ts';
export {
  constantGuidance,
  guidanceOf,
  guidanceOff,
  guidanceWithin,
  linearGuidance,
  mostGuidance,
  noGuidance,
  rampGuidance,
  type GuidanceKind,
  type GuidanceSpec,
} from './guidance.ts';
export type {
  ClassifiedResults,
  FeatureNetwork,
  FeatureNetworkContext,
  FeatureNetworkPlugin,
  FeatureProgram,
  FeatureResults,
  ImageSize,
  TraceableNetwork,
} from './feature-network.ts';
export type {
  Guidance,
  GuidanceRequest,
  GuidedStep,
  Mix,
  OpenGuidance,
  OpenMix,
  PredictionKind,
  Predictions,
  PredictionShape,
} from './guidance-part.ts';
export { constantPart, linearPart, openGuidance, rampPart } from './open-guidance.ts';
export { nextTurn } from './next-turn.ts';
export { offeredGuidances } from './offered-guidances.ts';
export {
  checkOptionNames,
  optionReader,
  optionsOf,
  type OptionParts,
  type PartOptions,
  type ReadOptions,
} from './options.ts';
export {
  allPositions,
  byKey,
  missingOf,
  nextScaleOrder,
  randomOrder,
  rasterOrder,
  setSteps,
  shuffled,
  tokenSteps,
} from './orders.ts';
export { checkSize, layoutOf, scaleSizes, type Sizes } from './picture-size.ts';
export { pixelsOf } from './token-canvas.ts';
export {
  checkContract,
  contracts,
  type AnyPlugin,
  type BackboneDims,
  type BackboneFacts,
  type BackbonePlugin,
  type ConditionDims,
  type ConditionedBackbonePlugin,
  type ConditionedFacts,
  type ConditionFacts,
  type ConditionPlugin,
  type GuidancePlugin,
  type HeadDims,
  type HeadPlugin,
  type LabelBackbonePlugin,
  type OrderPlugin,
  type OtherSizes,
  type PluginKind,
  type Stride,
  type TokenizerFacts,
  type TokenizerPlugin,
} from './plugin.ts';
export { roundHalfEven } from './round-half-even.ts';
export type { Moment, Observer } from './observe.ts';
export { sample, type Composition, type SampleEvent, type SampleRequest } from './sample.ts';
export { chooseSurest, confidenceOrder, randomSetsOrder, setSizes, stepsField, type Choice } from './set-orders.ts';
export { TokenCanvas, type TokenCanvasParts, type TokenCanvasRequest } from './token-canvas.ts';
export {
  classOf,
  labelOf,
  scaleAt,
  type Chosen,
  type Condition,
  type Encoded,
  type Encoding,
  type Factor,
  type Layout,
  type PictureSize,
  type Row,
  type Scale,
  type SizeBounds,
  type Space,
  type SpaceShape,
  type Step,
  type Tokens,
} from './tokens.ts';
export { initialValues, type BuildContext, type Init, type ParamSpec, type Weights } from './weights.ts';
export type { Written } from './written.ts';

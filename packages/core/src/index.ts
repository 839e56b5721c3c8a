export { buildAround, buildTokenizer, type AroundMaterials } from './build-parts.ts';
export { canvasEmpty, checkImage, checkKept, checkMask, checkTokens, readsUnserved } from './checks.ts';
export type {
  Backbone,
  BuildContext,
  Canvas,
  Context,
  Guidance,
  Head,
  Hidden,
  Cut,
  Init,
  Kept,
  Lesson,
  Order,
  OrderRequest,
  ParamSpec,
  Pixels,
  PreviewKind,
  Reads,
  Rollout,
  SampleContext,
  Sampled,
  Taught,
  Tokenizer,
  TrainContext,
  Weights,
} from './contracts.ts';
export type {
  BackboneDims,
  BackboneFacts,
  BackbonePlugin,
  HeadDims,
  HeadPlugin,
  JsonSchema,
  OrderPlugin,
  Schema,
  Stride,
  TokenizerFacts,
  TokenizerPlugin,
} from './plugin.ts';
export { checkParts, compose, type Materials } from './compose.ts';
export type { Part, PartFacts, Parts } from './parts.ts';
export { confidenceOrder, type ConfidenceOptions } from './confidence-order.ts';
export { checkPlugin, isPluginLike, type AnyPlugin, type PluginKind } from './define/any-plugin.ts';
export { defineBackbone, type BackboneDefinition } from './define/define-backbone.ts';
export { defineConfig, type TesseraConfig } from './define/define-config.ts';
export { defineHead, type HeadDefinition } from './define/define-head.ts';
export { defineOrder, type OrderDefinition } from './define/define-order.ts';
export { defineTokenizer, type TokenizerDefinition } from './define/define-tokenizer.ts';
export { checkContract, contracts } from './define/plugin-contract.ts';
export { checkName } from './define/plugin-name.ts';
export type { OutputOf, StandardSchema } from './define/standard-schema.ts';
export {
  constantGuidance,
  guidanceOf,
  guidanceOff,
  lateGuidance,
  linearGuidance,
  mostGuidance,
  noGuidance,
  rampGuidance,
  type GuidanceKind,
  type GuidanceSpec,
} from './guidance.ts';
export { disposeAll, disposedAfter, thenDispose, type Held } from './dispose-all.ts';
export { guardOptions, guardSchema } from './guard/guard-schema.ts';
export { initialValues } from './initial-values.ts';
export { callPart, type PartCall } from './guard/part-call.ts';
export type { Report } from './guard/patience.ts';
export { nearestName } from './nearest-name.ts';
export { nextScaleOrder } from './next-scale-order.ts';
export { optionsOf, readOptions, type OptionParts, type ReadOptions } from './options.ts';
export { allPositions, byKey, missingOf, setSteps, shuffled, tokenSteps } from './permutation.ts';
export { pixelsOf } from './pixels.ts';
export { randomOrder } from './random-order.ts';
export { randomSetsOrder, type RandomSetsOptions } from './random-sets-order.ts';
export { rasterOrder } from './raster-order.ts';
export { roundHalfEven } from './round-half-even.ts';
export type { Row } from './row.ts';
export { sample, type Composition, type SampleEvent, type SampleRequest } from './sample.ts';
export { schema, type Field, type Place } from './schema.ts';
export { setSizes, stepsField } from './set-sizes.ts';
export type { Chosen, Plan, Step } from './step.ts';
export { TokenCanvas, type TokenCanvasParts, type TokenCanvasRequest } from './token-canvas.ts';
export type { Written } from './written.ts';
export type { Encoding, Layout, Scale, Space, SpaceShape, Tokens } from './tokens.ts';

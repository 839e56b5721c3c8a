export type {
  Backbone,
  BackbonePlugin,
  BuildContext,
  Canvas,
  Context,
  Guidance,
  Head,
  HeadPlugin,
  Hidden,
  Cut,
  Init,
  JsonSchema,
  Kept,
  Lesson,
  Order,
  OrderPlugin,
  OrderRequest,
  ParamSpec,
  Pixels,
  PreviewKind,
  Reads,
  Rollout,
  SampleContext,
  Sampled,
  Schema,
  Stride,
  Taught,
  Tokenizer,
  TokenizerPlugin,
  TrainContext,
  Weights,
} from './contracts.ts';
export { checkParts, compose, type Materials, type Part, type PartFacts, type Parts } from './compose.ts';
export {
  constantGuidance,
  guidanceOf,
  guidanceOff,
  linearGuidance,
  mostGuidance,
  noGuidance,
  rampGuidance,
  type GuidanceKind,
  type GuidanceSpec,
} from './guidance.ts';
export { nearestName } from './nearest-name.ts';
export { nextScaleOrder } from './next-scale-order.ts';
export { optionsOf, readOptions, type OptionParts } from './options.ts';
export { randomSetsOrder, setSizes, setSteps, type RandomSetsOptions } from './random-sets-order.ts';
export { roundHalfEven } from './round-half-even.ts';
export type { Row } from './row.ts';
export { sample, type Composition, type SampleEvent, type SampleRequest } from './sample.ts';
export { schema, type Field, type Place } from './schema.ts';
export type { Plan, Step } from './step.ts';
export type { Written } from './written.ts';
export type { Encoding, Layout, Scale, Space, SpaceShape, Tokens } from './tokens.ts';

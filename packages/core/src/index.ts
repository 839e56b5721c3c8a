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
  Init,
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
  linearGuidance,
  mostGuidance,
  noGuidance,
  rampGuidance,
  type GuidanceKind,
  type GuidanceSpec,
} from './guidance.ts';
export { nearestName } from './nearest-name.ts';
export { nextScaleOrder } from './next-scale-order.ts';
export type { Row } from './row.ts';
export { sample, type Composition, type SampleEvent, type SampleRequest } from './sample.ts';
export { schema, type Field, type Place } from './schema.ts';
export type { Plan, Step } from './step.ts';
export type { Encoding, Layout, Scale, Space, SpaceShape, Tokens } from './tokens.ts';

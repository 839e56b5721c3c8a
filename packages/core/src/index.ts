export type {
  Backbone,
  BackbonePlugin,
  BuildContext,
  Canvas,
  Conditions,
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
  ParamSpec,
  Pixels,
  PreviewKind,
  Reads,
  Rollout,
  SampleContext,
  Sampled,
  Schema,
  Taught,
  Tokenizer,
  TokenizerPlugin,
  TrainContext,
  Weights,
} from './contracts.ts';
export { nearestName } from './nearest-name.ts';
export type { Row } from './row.ts';
export { sample, type Composition, type SampleEvent, type SampleRequest } from './sample.ts';
export { schema, type Field, type Place } from './schema.ts';
export type { Plan, Step } from './step.ts';
export type { Encoding, Layout, Scale, Space, SpaceShape, Tokens } from './tokens.ts';

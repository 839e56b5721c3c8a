export {
  createClient,
  type Client,
  type ClientOptions,
  type Generation,
  type GenerationPage,
  type Model,
  type Plugin,
  type Service,
  type Upload,
} from './client.ts';
export { ClientError } from './client-error.ts';
export { isLast, type FollowOptions, type GenerationEvent } from './follow.ts';
export type {
  BoxInput,
  ConditionInput,
  CreateGenerationInput,
  EditInput,
  EditRegionInput,
  GenerationFilter,
  GenerationState,
  ImageInput,
  PreviewKind,
  RetryGenerationInput,
} from './generated.ts';
export type { Transport } from './streams.ts';

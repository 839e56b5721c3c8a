export type {
  ClassifiedResults,
  FeatureNetwork,
  FeatureNetworkContext,
  FeatureNetworkPlugin,
  FeatureProgram,
  FeatureResults,
  ImageSize,
  TraceableNetwork,
} from '@tessera/core';
export type { AttributeProgram, AttributeResults } from './judge/attribute-program.ts';
export { openJudge, type Judge, type JudgeConfig, type JudgedAttribute } from './judge/judge.ts';
export { isThirdParty } from './guard-network.ts';
export {
  judgeBlocks,
  judgeWidths,
  openJudgeCard,
  openJudgeFile,
  openShippedJudge,
  shippedJudges,
  writeJudgeCard,
} from './judge/judge-card.ts';
export { judgeNetwork, type JudgeNetwork } from './judge/judge-network.ts';
export {
  listFeatureNetworks,
  openFeatureNetwork,
  openTraceableNetwork,
  type NetworkListing,
  type NetworkOptions,
} from './networks.ts';
export { tracedProgram, type TracedFeatures } from './traced-program.ts';

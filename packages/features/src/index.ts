export type {
  ClassifiedResults,
  FeatureNetwork,
  FeatureProgram,
  FeatureResults,
  ImageSize,
  TraceableNetwork,
} from './feature-network.ts';
export { openJudge, type Judge, type JudgeConfig } from './judge/judge.ts';
export {
  judgeNetwork,
  openJudgeFile,
  openShippedJudge,
  shippedJudges,
  type JudgeNetwork,
} from './judge/judge-network.ts';
export { openFeatureNetwork, openTraceableNetwork } from './networks.ts';
export { tracedProgram, type TracedFeatures } from './traced-program.ts';

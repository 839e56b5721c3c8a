/** The contracts, which parts of other packages implement too. */
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

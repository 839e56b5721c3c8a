export { openNpz, type NpzFile } from './files/npz.ts';
export { bytesOfNumbers, writeNpz, type WritableArray } from './files/write-npz.ts';
export {
  byteSource,
  bytesPerImage,
  sizeWords,
  toBytes,
  type ByteImages,
  type ImageSource,
} from './images/image-source.ts';
export { openNpzImages, saveNpzImages } from './images/npz-images.ts';
export {
  figuresOf,
  figuresOfSets,
  referenceOf,
  type Figure,
  type FigureName,
  type Figures,
  type FiguresWithIntervals,
  type Reference,
} from './measure/figures.ts';
export { firstRows, measure, type Measured } from './measure/measured.ts';
export {
  holdsStatistics,
  readStatistics,
  requireSameManner,
  writeStatistics,
  type Manner,
  type Statistics,
  type StatisticsFacts,
} from './measure/statistics-file.ts';
export { accuracy, accuracyByClass } from './metrics/accuracy.ts';
export { classifierScore, type Probabilities } from './metrics/classifier-score.ts';
export { openFeatureProducts, type FeatureProducts, type Features } from './metrics/feature-products.ts';
export { frechetDistance } from './metrics/frechet-distance.ts';
export { fitGaussian, type Gaussian } from './metrics/gaussian.ts';
export { intervalOf, jackknifeInterval, type Interval } from './metrics/interval.ts';
export { kernelDistance } from './metrics/kernel-distance.ts';
export { precisionAndRecall, type PrecisionRecall } from './metrics/precision-recall.ts';
export { meanSsim, psnr } from './metrics/picture-similarity.ts';
export { chart, type Chart, type ChartPoint, type ChartSeries } from './report/chart.ts';
export { fitPowerLaw, predict, type PowerLaw, type ScalePoint, type ScalingFit } from './scaling/power-law.ts';

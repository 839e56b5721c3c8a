/**
 * The names of the 1000 classes of ImageNet (ILSVRC 2012) in the order of the labels of published models, from the package
 * of MobileNet (Apache-2.0): `tench, Tinca tinca` to `toilet tissue, toilet paper, bathroom tissue`.
 */
export async function imagenetNames(): Promise<readonly string[]> {
  const { default: table } = await import('@tensorflow-models/mobilenet/dist/imagenet_classes.js');
  return Array.from({ length: IMAGENET_CLASSES }, (_, label) => table.IMAGENET_CLASSES[label]!);
}

/** The number of classes of ImageNet, which other data hardly has. */
export const IMAGENET_CLASSES = 1000;

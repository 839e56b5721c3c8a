import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import process from 'node:process';
import type { Tensor4D } from '@tensorflow/tfjs';
import { type Engine, tensorFrom } from '@tessera/engine';
import { fitGaussian, frechetDistance, meanSsim, psnr } from '@tessera/evaluation';
import { openFeatureNetwork, openTraceableNetwork, type ImageSize, type TraceableNetwork } from '@tessera/features';
import { createEngine } from '@tessera/targets';
import { openData, openTokenizer, readRecipe, reconstructAll } from '@tessera/training';
import { markdownTable } from './format.ts';

/*
 * Compares the tokenizers of runs on the test images of a recipe:
 * tsx --conditions=@tessera/source tools/bench/src/reconstruction.ts recipes/ablation-tokenizer/ablation-base.json runs/ablation-*
 */

const DISTANCE = 'lpips-vgg16';
const FEATURES = 'efficientnet-lite0';
const BATCH = 25;

/** Mean of the network's own distance between two sets of images. */
async function meanDistance(
  engine: Engine,
  network: TraceableNetwork,
  { real, made, image }: { real: Float32Array; made: Float32Array; image: ImageSize },
): Promise<number> {
  const program = engine.compile((a: Tensor4D, b: Tensor4D) => network.distance!(a, b), { name: network.name });
  const size = image.height * image.width * image.channels;
  const shape = [BATCH, image.height, image.width, image.channels];
  const distances: number[] = [];
  for (let at = 0; at + BATCH * size <= real.length; at += BATCH * size) {
    const batch = (pixels: Float32Array) => tensorFrom(pixels.slice(at, at + BATCH * size), shape) as Tensor4D;
    const pair = [batch(real), batch(made)] as const;
    const found = await program(...pair);
    distances.push((await found.data())[0]!);
    for (const tensor of [...pair, found]) tensor.dispose();
  }
  program.dispose();
  return distances.reduce((sum, value) => sum + value, 0) / distances.length;
}

/** Seconds of the tokenizer's steps, without compiling. */
async function secondsOf(run: string): Promise<number> {
  const lines = (await readFile(join(run, 'log.jsonl'), 'utf8')).trim().split('\n');
  const own = lines.map((line) => JSON.parse(line)).filter(({ stage, seconds }) => stage === 'tokenizer' && seconds);
  return own.at(-1).seconds - own.at(-1).compiling;
}

const [recipeFile, ...runs] = process.argv.slice(2);
const loaded = await readRecipe(recipeFile!);
const data = await openData(loaded.recipe.data, { folder: loaded.folder, seed: loaded.recipe.seed });
const { image, test } = data;
const engine = createEngine();
const real = await test.read(Int32Array.from({ length: test.count }, (_, n) => n));
const distance = await openTraceableNetwork(DISTANCE);
const network = await openFeatureNetwork(FEATURES);
const program = network.open(engine, image);
const gaussianOf = async (pixels: Float32Array) => {
  const { features_ND, dims } = await program.run(pixels);
  return fitGaussian(features_ND, dims);
};
const reference = await gaussianOf(real);
const rows: string[][] = [['run', 'PSNR', 'SSIM', 'LPIPS', 'FD', 'seconds']];
for (const run of runs) {
  const tokenizer = await openTokenizer(join(run, 'model'), { engine });
  const made = await reconstructAll(engine, tokenizer, { pixels: real, image });
  tokenizer.dispose();
  rows.push([
    basename(run),
    psnr(real, made).toFixed(2),
    meanSsim(real, made, image).toFixed(3),
    (await meanDistance(engine, distance, { real, made, image })).toFixed(3),
    frechetDistance(await gaussianOf(made), reference).toFixed(2),
    (await secondsOf(run)).toFixed(0),
  ]);
}
console.log(`${test.count} test images; LPIPS by ${DISTANCE}, Frechet distance by ${FEATURES}`);
console.log(markdownTable(rows));
network.dispose();
distance.dispose();
engine.dispose();

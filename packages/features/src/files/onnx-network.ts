import { existsSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import type { Tensor, Tensor4D } from '@tensorflow/tfjs';
import { type Engine, nn, tensorFrom } from '@tessera/engine';
import { parseJson, TesseraError } from '@tessera/errors';
import { fileSha256 } from '@tessera/node-kit';
import { nullable, schema, type FieldType } from '@tessera/schema';
import type { InferenceSession } from 'onnxruntime-node';
import type { FeatureNetwork, FeatureProgram, FeatureResults, ImageSize } from '@tessera/core';
import { requireImage, toRgb } from '../image-input.ts';
import { countOf, joinResults } from '../traced-program.ts';

const { choice, integer, list, number, object, optional, string } = schema;
const side = integer({ min: 1 });

/** `NAME.json` beside `NAME.onnx`: what an ONNX file itself does not say. */
const description = object({
  format: choice('tessera-feature-network'),
  version: integer({ min: 1, max: 1 }),
  licence: optional(string(), 'unknown'),
  input: object({
    layout: choice('NCHW', 'NHWC'),
    /** Height and width that images are resized to; null: they stay as they are. */
    size: nullable(list(side, { min: 2, max: 2 })),
    resize: choice('bilinear', 'bicubic', 'area', 'nearest'),
    /** What is subtracted from values in [0, 1], and what they are then divided by: one number for each channel. */
    mean: list(number(), { min: 1, max: 3 }),
    std: list(number(), { min: 1, max: 3 }),
  }),
  /** Names of the network's outputs. */
  outputs: object({
    features: optional(string(), 'features'),
    probabilities: optional(nullable(string()), null),
    logits: optional(nullable(string()), null),
    spatial: optional(nullable(string()), null),
  }),
  classes: optional(nullable(list(string())), null),
});
type Description = FieldType<typeof description>;

const BATCH = 16;

/**
 * Opens a network in ONNX that ONNX Runtime runs. The file beside it says how it wants its images and what its outputs are.
 * @throws TesseraError `features-undescribed`, `features-output`, `features-unreadable`, and those of wrong fields
 */
export async function openOnnxNetwork(path: string): Promise<FeatureNetwork> {
  const said = describedBy(path);
  const session = await openSession(path);
  const { outputs, input, classes, licence } = said;
  for (const name of Object.values(outputs)) {
    if (name !== null && !session.outputNames.includes(name)) throw noOutput(path, name, session.outputNames);
  }
  const probe = await runOnnx(session, said, blank(said));
  const dims = probe.features_BD!.length;
  return {
    name: basename(path),
    sha256: await fileSha256(path),
    licence,
    dims,
    classes,
    input: inputWords(input),
    open: (engine, image) => onnxProgram({ session, said, path, dims }, { engine, image }),
    dispose: () => void session.release(),
  };
}

function describedBy(path: string): Description {
  const beside = path.replace(/\.onnx$/i, '.json');
  if (existsSync(beside)) {
    const refusal = { code: 'features-undescribed', who: beside, expected: 'a description in JSON' };
    return description.parse(parseJson(readFileSync(beside), refusal), beside);
  }
  throw new TesseraError({
    code: 'features-undescribed',
    who: path,
    got: `no file ${basename(beside)} beside it`,
    expected: 'one that says how the network wants its images and what its outputs are',
    next: 'Write it as docs/evaluation.md shows.',
  });
}

async function openSession(path: string): Promise<InferenceSession> {
  const module = await import('onnxruntime-node');
  const { InferenceSession } = 'default' in module ? (module.default as typeof module) : module;
  return InferenceSession.create(path, { logSeverityLevel: 3 }).catch((cause: unknown) => {
    const got = cause instanceof Error ? cause.message.split('\n')[0]! : String(cause);
    const expected = 'a network that ONNX Runtime runs';
    throw new TesseraError({ code: 'features-unreadable', who: path, got, expected, cause });
  });
}

function inputWords({ size, resize, mean, std }: Description['input']): string {
  const sized = size ? `${resize} to ${size[0]} x ${size[1]}` : 'images as they are';
  return `${sized}; (x - [${mean}]) / [${std}]`;
}

interface OnnxNetwork {
  readonly session: InferenceSession;
  readonly said: Description;
  readonly path: string;
  readonly dims: number;
}

function onnxProgram(
  { session, said, path, dims }: OnnxNetwork,
  { engine, image }: { readonly engine: Engine; readonly image: ImageSize },
): FeatureProgram {
  requireImage(path, image);
  const prepare = engine.compile((image_BHWC: Tensor4D) => prepared(image_BHWC, said.input), {
    name: 'features input',
    axes: ['B . . .'],
  });
  const size = image.height * image.width * image.channels;
  return {
    async run(pixels): Promise<FeatureResults> {
      const count = countOf(pixels, image);
      const parts = [];
      for (let start = 0; start < pixels.length; start += BATCH * size) {
        const some = pixels.slice(start, start + BATCH * size);
        const shape = [some.length / size, image.height, image.width, image.channels];
        const given = tensorFrom(some, shape) as Tensor4D;
        const ready = await prepare(given);
        parts.push(await runOnnx(session, said, { data: await ready.data<'float32'>(), dims: ready.shape }));
        tf.dispose([given, ready]);
      }
      return joinResults(parts, { count, dims });
    },
    dispose: () => prepare.dispose(),
  };
}

/** Images in [0, 1] as the network wants them. */
function prepared(image_BHWC: Tensor4D, { layout, size, resize, mean, std }: Description['input']): Tensor {
  const channels = mean.length === 1 && image_BHWC.shape[3] === 1 ? image_BHWC : toRgb(image_BHWC);
  const sized = size ? nn.resize(channels, size[0]!, size[1]!, resize) : channels;
  const normal = tf.div(tf.sub(sized, tf.tensor1d([...mean])), tf.tensor1d([...std]));
  return layout === 'NCHW' ? tf.transpose(normal, [0, 3, 1, 2]) : normal;
}

interface Fed {
  readonly data: Float32Array;
  readonly dims: readonly number[];
}

/** One black image, to learn the sizes of the outputs. */
function blank({ input: { layout, size, mean } }: Description): Fed {
  const [height, width] = size ?? [64, 64];
  const channels = mean.length === 1 ? 1 : 3;
  const dims = layout === 'NCHW' ? [1, channels, height!, width!] : [1, height!, width!, channels];
  return { data: new Float32Array(height! * width! * channels), dims };
}

type Found = Readonly<Record<string, Float32Array>>;

async function runOnnx(session: InferenceSession, { outputs }: Description, { data, dims }: Fed): Promise<Found> {
  const module = await import('onnxruntime-node');
  const { Tensor } = 'default' in module ? (module.default as typeof module) : module;
  const made = await session.run({ [session.inputNames[0]!]: new Tensor('float32', data, dims) });
  const numbers = (name: string | null) => (name === null ? null : (made[name]!.data as Float32Array));
  const rows = dims[0]!;
  const logits = numbers(outputs.logits);
  const probabilities = numbers(outputs.probabilities) ?? (logits && softmaxRows(logits, rows));
  const spatial = numbers(outputs.spatial);
  return {
    features_BD: numbers(outputs.features)!,
    ...(probabilities && { probabilities_BK: probabilities }),
    ...(spatial && { spatial_BD: spatial }),
  };
}

function softmaxRows(logits: Float32Array, rows: number): Float32Array {
  return tf.tidy(() => tf.softmax(tf.tensor2d(logits, [rows, logits.length / rows])).dataSync<'float32'>());
}

function noOutput(who: string, name: string, known: readonly string[]): TesseraError {
  return new TesseraError({
    code: 'features-output',
    who,
    got: `a description with the output ${name}`,
    expected: `one of ${known.join(', ')}`,
    next: 'Correct the description beside it.',
  });
}

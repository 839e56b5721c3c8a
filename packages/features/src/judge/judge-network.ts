import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { TesseraError } from '@tessera/errors';
import { fileWeights } from '@tessera/models';
import { schema } from '@tessera/schema';
import type { Engine } from '@tessera/engine';
import type { ClassifiedResults, FeatureProgram, ImageSize, TraceableNetwork } from '@tessera/core';
import { tracedProgram } from '../traced-program.ts';
import { type AttributeProgram, attributeProgram } from './attribute-program.ts';
import { type Judge, type JudgeConfig, openJudge } from './judge.ts';

/** A judge as a feature network. */
export interface JudgeNetwork extends TraceableNetwork {
  readonly config: JudgeConfig;
  open(engine: Engine, image: ImageSize): FeatureProgram<ClassifiedResults>;
  /** Compiles it for what it tells besides the class. @throws TesseraError `judge-without-attributes`, `features-image` */
  openAttributes(engine: Engine, image: ImageSize): AttributeProgram;
}

interface JudgeFacts extends Pick<JudgeNetwork, 'name' | 'sha256' | 'licence'> {
  /** Releases the weights. */
  dispose(): void;
}

const BATCH = 100;

/** A judge with its weights as a feature network. It takes images of any size as they are. */
export function judgeNetwork(judge: Judge, facts: JudgeFacts): JudgeNetwork {
  const { config } = judge;
  return {
    ...facts,
    config,
    input: 'images as they are',
    dims: config.widths.at(-1)!,
    classes: null,
    maps(image_BHWC) {
      requireChannels(facts.name, { got: image_BHWC.shape[3], expected: config.channels });
      return judge.maps(image_BHWC);
    },
    open(engine, image) {
      requireChannels(facts.name, { got: image.channels, expected: config.channels });
      const program = tracedProgram(
        (image_BHWC) => {
          const features_BD = judge.features(image_BHWC);
          return { features_BD, logits_BK: judge.classify(features_BD) };
        },
        { name: 'judge', engine, image, dims: config.widths.at(-1)!, batch: BATCH },
      );
      return program as FeatureProgram<ClassifiedResults>;
    },
    openAttributes(engine, image) {
      requireChannels(facts.name, { got: image.channels, expected: config.channels });
      return attributeProgram(judge, { who: facts.name, engine, image, batch: BATCH });
    },
  };
}

function requireChannels(who: string, { got, expected }: { got: number; expected: number }): void {
  if (got === expected) return;
  throw new TesseraError({
    code: 'features-image',
    who,
    got: `images of ${got} channels`,
    expected: `${expected}, which it was trained on`,
    next: 'Choose another network.',
  });
}

const { object, integer, list, string, number, optional } = schema;
const count = integer({ min: 1 });
const card = object({
  name: string(),
  data: string(),
  licence: string(),
  config: object({
    channels: count,
    classes: count,
    widths: list(count, { min: 2 }),
    attributes: optional(
      object({ side: count, of: list(object({ name: string(), values: list(string()), label: integer({ min: 0 }) })) }),
      undefined,
    ),
  }),
  sha256: string(),
  /** Of classes and of attributes, on test images. */
  accuracy: number({ min: 0, max: 1 }),
  attributeAccuracy: optional(number({ min: 0, max: 1 }), undefined),
});

const JUDGES = new URL('../../judges/', import.meta.url);

/** Names of the judges that ship with Tessera. */
export async function shippedJudges(): Promise<readonly string[]> {
  const names = (await readdir(JUDGES)).filter((name) => name.endsWith('.json'));
  return names.map((name) => name.replace(/\.json$/, '')).sort();
}

/** Opens a judge that ships with Tessera. @throws TesseraError `judge-unknown`, `judge-altered` */
export async function openShippedJudge(name: string): Promise<JudgeNetwork> {
  const text = await readFile(new URL(`${name}.json`, JUDGES), 'utf8').catch((cause: unknown) => {
    const next = 'Train your own judge: judge.kind = "train".';
    throw new TesseraError({
      code: 'judge-unknown',
      who: 'features',
      got: `the judge ${name}`,
      expected: 'one that ships',
      next,
      cause,
    });
  });
  const { config: parsed, sha256, licence } = card.parse(JSON.parse(text), `${name}.json`);
  const { attributes, ...plain } = parsed;
  const config: JudgeConfig = { ...plain, ...(attributes && { attributes }) };
  const path = fileURLToPath(new URL(`${name}.safetensors`, JUDGES));
  const found = createHash('sha256')
    .update(await readFile(path))
    .digest('hex');
  if (found !== sha256) {
    const next = 'Restore the file.';
    throw new TesseraError({ code: 'judge-altered', who: path, got: `the hash ${found}`, expected: sha256, next });
  }
  return openJudgeFile(path, config, { name, sha256, licence });
}

/** Opens a judge with its weights from a file. */
export async function openJudgeFile(
  path: string,
  config: JudgeConfig,
  facts: Omit<JudgeFacts, 'dispose'>,
): Promise<JudgeNetwork> {
  const weights = await fileWeights(path);
  const judge = openJudge(weights, config);
  weights.finish();
  return judgeNetwork(judge, { ...facts, dispose: () => weights.dispose() });
}

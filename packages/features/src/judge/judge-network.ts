import { TesseraError } from '@tessera/errors';
import type { Engine } from '@tessera/engine';
import type { ClassifiedResults, FeatureProgram, ImageSize, TraceableNetwork } from '@tessera/core';
import { tracedProgram } from '../traced-program.ts';
import { type AttributeProgram, attributeProgram } from './attribute-program.ts';
import type { Judge, JudgeConfig } from './judge.ts';

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

import { tensorFrom, type TrainResult, type TrainStep } from '@tessera/engine';
import type { Batch } from './stage.ts';

export interface AdversarialPair {
  /** Its aux `made_BHWC` is what the discriminator sees. */
  readonly generator: TrainStep;
  readonly discriminator: TrainStep;
  /** Steps after which the game begins; until then the discriminator rests. */
  readonly from: number;
}

const PREFIX = 'discriminator/';

/**
 * Two train steps as one: the generator's, then the discriminator's on what the generator made. Both must belong to one
 * engine, so that each sees the other's newest parameters.
 */
export function adversarialStep({ generator, discriminator, from }: AdversarialPair): TrainStep {
  let done = 0;
  return {
    async run(batches, hyper) {
      const share = tensorFrom(Float32Array.of(done < from ? 0 : 1), []);
      const gated = batches.map((batch) => ({ ...batch, adversarial_share: share }));
      const result = await generator.run(gated, hyper).finally(() => share.dispose());
      done++;
      if (done <= from) return withFigure(result, 0);
      const pair = pairOf(batches.at(-1)!, result);
      const { loss } = await discriminator.run([pair], hyper).finally(() => pair['made_BHWC']!.dispose());
      return withFigure(result, loss);
    },
    async evaluate(batch, key) {
      const share = tensorFrom(Float32Array.of(done < from ? 0 : 1), []);
      return generator.evaluate({ ...batch, adversarial_share: share }, key).finally(() => share.dispose());
    },
    async state() {
      const other = [...(await discriminator.state())].map(([name, value]) => [PREFIX + name, value] as const);
      const own = new Map([...(await generator.state()), ...other]);
      return own.set(`${PREFIX}done`, { data: Float32Array.of(done), shape: [1] });
    },
    async load(state) {
      const entries = [...state];
      const other = entries.filter(([name]) => name.startsWith(PREFIX));
      await generator.load(new Map(entries.filter(([name]) => !name.startsWith(PREFIX))));
      await discriminator.load(new Map(other.map(([name, value]) => [name.slice(PREFIX.length), value])));
      done = state.get(`${PREFIX}done`)!.data[0]!;
    },
    sync: (which) => generator.sync(which),
    dispose() {
      generator.dispose();
      discriminator.dispose();
    },
  };
}

/** The last batch and its reconstructions; of accumulated batches the aux is an average, so there must be one batch. */
function pairOf(batch: Batch, { aux }: TrainResult): Record<string, Batch[string]> {
  const image_BHWC = batch['image_BHWC']!;
  return { image_BHWC, made_BHWC: tensorFrom(aux['made_BHWC'] as Float32Array, image_BHWC.shape) };
}

function withFigure(result: TrainResult, loss: number): TrainResult {
  return { ...result, aux: { ...result.aux, discriminator: Float32Array.of(loss) } };
}

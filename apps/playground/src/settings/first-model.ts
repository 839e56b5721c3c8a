import type { Model } from '../api/operations.ts';
import { optionFields } from './options.tsx';

/** Steps of an image by the model's own settings; null where only its order knows them. */
export function stepsOf({ stride, layout, tokens, options }: Pick<Model, 'stride' | 'layout' | 'tokens' | 'options'>) {
  const own = optionFields(options).find(({ name }) => name === 'steps')?.fallback;
  if (typeof own === 'number') return own;
  return stride === 'scale' ? layout.length : stride === 'token' ? tokens : null;
}

/** The model to begin with, where nothing is said: of those with the largest pictures, colour first, the one of the fewest steps. */
export function firstModel(models: readonly Model[]): Model {
  const rank = (model: Model) => [
    model.image.channels * model.image.width * model.image.height,
    -(stepsOf(model) ?? Infinity),
  ];
  return models.reduce((best, one) => {
    const [[own, steps], [most, fewest]] = [rank(one), rank(best)] as [[number, number], [number, number]];
    return own > most || (own === most && steps > fewest) ? one : best;
  });
}

import type { Generation, Model } from './operations.ts';

type Made = Pick<Generation, 'size' | 'layout'>;

/** By what was made: the same one again, so that nothing is drawn again for it. */
const told = new WeakMap<Made, { readonly own: Model; readonly model: Model }>();

/** The model of what was made. What it tells of its images and tokens holds for the size that was asked for. */
export function modelOf(models: readonly Model[], name: string | null, made: Made | null): Model | undefined {
  const own = models.find((one) => one.name === name);
  if (!own || !made?.size) return own;
  const before = told.get(made);
  if (before?.own === own) return before.model;
  const { width, height } = made.size;
  const model = atSize(own, { width, height }, made.layout ?? own.layout);
  told.set(made, { own, model });
  return model;
}

/** What a model tells of its images and tokens, for images of a size whose tokens lie in these maps. */
export function atSize<M extends Pick<Model, 'image' | 'layout' | 'tokens'>>(
  model: M,
  size: { readonly width: number; readonly height: number },
  layout: Model['layout'],
): M {
  const tokens = layout.reduce((sum, map) => sum + map.width * map.height, 0);
  return { ...model, image: { ...model.image, ...size }, layout, tokens };
}

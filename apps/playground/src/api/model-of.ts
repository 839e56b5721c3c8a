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
  const layout = made.layout ?? own.layout;
  const tokens = layout.reduce((sum, map) => sum + map.width * map.height, 0);
  const model = { ...own, image: { ...own.image, width, height }, layout, tokens };
  told.set(made, { own, model });
  return model;
}

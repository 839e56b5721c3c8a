import type { Model } from '@tessera/models';
import type { ModelDescription } from './events.ts';

/** What clients may know of an open model. */
export function describeModel({ name, manifest, parameters, image, space }: Model): ModelDescription {
  const { title, description, licence, classes, defaults } = manifest;
  return {
    name,
    title,
    description,
    licence,
    classes: [...classes],
    parameters,
    image: { height: image.height, width: image.width, channels: image.channels },
    vocabulary: space.kind === 'discrete' ? space.vocabulary : null,
    defaults: {
      guidance: defaults.guidance.kind === 'none' ? 0 : defaults.guidance.scale,
      options: { ...defaults.options },
      preview: defaults.preview,
    },
  };
}

import { guidanceOff } from '@tessera/core';
import type { Model } from '@tessera/models';
import type { ModelDescription } from './events.ts';

/** What clients may know of an open model. */
export function describeModel({ name, manifest, parameters, image, space, layout, options }: Model): ModelDescription {
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
    tokens: layout.length,
    layout: layout.scales.map(({ start, height, width }) => ({ start, height, width })),
    options,
    guidanceOff: guidanceOff(defaults.guidance.kind),
    defaults: {
      guidance: defaults.guidance.kind === 'none' ? 0 : defaults.guidance.scale,
      preview: defaults.preview,
    },
  };
}

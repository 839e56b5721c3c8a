import type { ApiBuilder } from './builder.ts';

export type PreviewKindRef = ReturnType<typeof addPreviewKind>;

/** How each step is shown. */
export function addPreviewKind(builder: ApiBuilder) {
  return builder.enumType('PreviewKind', {
    description: 'How each step is shown.',
    values: {
      NONE: { value: 'none', description: 'Not at all.' },
      LINEAR: { value: 'linear', description: 'A small picture by a linear map of the tokens: costs next to nothing.' },
      DECODED: { value: 'decoded', description: 'By the full decoder: costs as much as a finished image, every step.' },
    } as const,
  });
}

import { checkRequest, stepsOf, type ModelOutline } from '@tessera/models';
import { imagesOfClasses } from '@tessera/request';

/** What of a model's own choices is replaced. */
export interface Settings {
  readonly guidance?: number;
  readonly options: Readonly<Record<string, unknown>>;
}

/** Guidance, options and steps that images are made with: the settings over the model's own choices. */
interface UsedSettings {
  readonly guidance: { readonly kind: string; readonly scale: number };
  readonly options: Readonly<Record<string, unknown>>;
  readonly steps: number;
}

/**
 * What images are made with.
 * @throws TesseraError as the model does for settings that it cannot use
 */
export function settingsOf(outline: ModelOutline, { guidance, options }: Settings): UsedSettings {
  const { defaults } = outline.manifest;
  const request = { images: imagesOfClasses([-1]), seed: 1, options, ...(guidance !== undefined && { guidance }) };
  return {
    guidance: { kind: defaults.guidance.kind, scale: guidance ?? defaults.guidance.scale },
    options: { ...defaults.options, ...options },
    steps: stepsOf(outline, checkRequest(outline, request)),
  };
}

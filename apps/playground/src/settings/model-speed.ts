import type { Model } from '../api/operations.ts';
import { stepsOf } from './first-model.ts';

/** How fast it is on this server; before its first image here what is known of it: the number of its steps. */
export function speedText(model: Model, millisecondsPerImage: number | null): string {
  if (millisecondsPerImage === null) {
    const steps = stepsOf(model);
    const known = steps === null ? '' : `${steps} ${steps === 1 ? 'step' : 'steps'} an image; `;
    return `Speed: ${known}the time is not known, since it has not made an image on this server yet.`;
  }
  const seconds = millisecondsPerImage / 1000;
  const time = seconds >= 1 ? `${seconds.toPrecision(2)} s` : `${Math.max(1, Math.round(millisecondsPerImage))} ms`;
  return `Speed: about ${time} an image, as measured on this server.`;
}

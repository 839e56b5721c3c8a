import { performance } from 'node:perf_hooks';
import type { SampleEvent, Step } from '@tessera/core';
import type { Model } from '@tessera/models';
import { encodePng } from '@tessera/pictures';
import type { HostEvent, HostRequest } from './events.ts';
import { readEdit } from './read-edit.ts';

/**
 * Runs one generation and tells it as host events, pictures as PNG.
 * @throws whatever the model throws; the signal's reason within one step of its abort
 */
export async function* runGeneration(
  model: Model,
  { labels, seed, guidance, options, preview, edit }: HostRequest,
  signal: AbortSignal,
): AsyncGenerator<HostEvent> {
  yield { type: 'started' };
  const steps: number[] = [];
  const images: number[] = [];
  const optional = {
    ...(guidance !== undefined && { guidance }),
    ...(options && { options }),
    ...(preview && { preview }),
    ...(edit && { edit: await readEdit(edit, model.image, model.name) }),
  };
  let before = performance.now();
  for await (const event of model.generate({ labels, seed, signal, ...optional })) {
    const milliseconds = performance.now() - before;
    (event.type === 'step' ? steps : images).push(milliseconds);
    yield await toHostEvent(event, { milliseconds, count: labels.length });
    before = performance.now();
  }
  const total = [...steps, ...images].reduce((sum, one) => sum + one, 0);
  yield { type: 'completed', timings: { steps, images, total } };
}

async function toHostEvent(
  event: SampleEvent,
  { milliseconds, count }: { milliseconds: number; count: number },
): Promise<HostEvent> {
  if (event.type === 'image') {
    return { type: 'image', index: event.row, png: await encodePng(event.pixels), milliseconds };
  }
  const { step, previews } = event;
  return {
    type: 'step',
    index: step.index,
    of: step.of,
    positions: positionsByImage(step, count),
    previews: previews && (await Promise.all(previews.map(encodePng))),
    milliseconds,
  };
}

function positionsByImage({ positions_Bl }: Step, count: number): number[][] {
  const length = positions_Bl.length / count;
  return Array.from({ length: count }, (_, i) => [...positions_Bl.subarray(i * length, (i + 1) * length)]);
}

import type { Generation } from '@tessera/store';
import type { FollowedEvent } from './followed-event.ts';

export interface PictureJson {
  readonly sha256: string;
  /** On this server. */
  readonly url: string;
}

type UrlOf = (sha256: string) => string;

/** A generation as REST and webhooks send it. */
export function generationJson(generation: Generation, urlOf: UrlOf): object {
  const { id, request, state, attempt, priority, retryOf, failure, lastSeq, images } = generation;
  const self = `/v1/generations/${id}`;
  return {
    id,
    state,
    request,
    images: images.map((sha256) => pictureJson(sha256, urlOf)),
    failure: failure && { code: failure.code, message: failure.message },
    attempt,
    priority,
    retryOf,
    lastSeq,
    createdAt: generation.createdAt,
    startedAt: generation.startedAt,
    finishedAt: generation.finishedAt,
    deadline: generation.deadline,
    urls: { self, events: `${self}/events`, cancel: `${self}/cancel` },
  };
}

/** An event as REST and webhooks send it: pictures by their URLs, the rest as it is stored. */
export function eventJson(event: FollowedEvent, urlOf: UrlOf): object {
  const picture = (sha256: string | null) => sha256 && pictureJson(sha256, urlOf);
  if (event.kind === 'completed') return { ...event, images: event.images.map(picture) };
  if (event.kind !== 'step') return event;
  return { ...event, previews: event.previews?.map(picture) ?? null, sprite: picture(event.sprite) };
}

function pictureJson(sha256: string, urlOf: UrlOf): PictureJson {
  return { sha256, url: urlOf(sha256) };
}

import { parentPort } from 'node:worker_threads';
import sharp from 'sharp';
import { type Avatar, drawAvatar } from './draw-avatar.ts';
import type { AvatarRequest, FromThread } from './draw-avatars.ts';

/** A thread of `openAvatarThreads`: a chunk of requests in, its avatars out. */
async function drawChunk(chunk: readonly AvatarRequest[]): Promise<FromThread> {
  const avatars: Avatar[] = [];
  try {
    for (const request of chunk) avatars.push(await drawAvatar(request));
    return { avatars };
  } catch (error) {
    return { error };
  }
}

sharp.concurrency(1); // the threads share the cores already
parentPort!.on('message', (chunk: readonly AvatarRequest[]) => {
  void drawChunk(chunk).then((answer) => parentPort!.postMessage(answer));
});

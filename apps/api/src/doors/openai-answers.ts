import type { Response } from 'express';
import { isTesseraError, TesseraError } from '@tessera/errors';
import { sizeText } from '@tessera/request';
import type { Generation } from '@tessera/store';
import type { FollowedEvent } from '../streams/followed-event.ts';
import { isInterruption } from '../streams/interruption.ts';
import type { Engine } from './engine.ts';
import type { ImagesCall } from './openai-body.ts';
import { asOpenAiError, GenerationFailed, unexpected } from './openai-errors.ts';
import { openSse } from './sse.ts';

type Step = Extract<FollowedEvent, { kind: 'step' }>;

/** A call whose generation runs. */
export interface RunningCall {
  readonly engine: Engine;
  readonly call: ImagesCall;
  readonly generation: Generation;
  readonly events: AsyncIterable<FollowedEvent>;
  /** Of `https://host`, before the path of a picture. */
  readonly origin: string;
  /** Of the events' names: `image_generation` or `image_edit`. */
  readonly kind: string;
  /** Its images will not be asked for: cancels it. */
  readonly abandon: () => Promise<void>;
}

/** Everything at once, after the last event. @throws TesseraError where the generation failed */
export async function answerAtOnce(running: RunningCall, response: Response): Promise<void> {
  const { engine, call, generation, origin } = running;
  const usage = new Usage();
  const count = generation.request.images.length;
  const images = await follow(running, (step) => Promise.resolve(usage.add(step, count)));
  const data = images.map(async (sha256, i) => ({
    ...(call.format === 'url' ? { url: origin + engine.urlOf(sha256) } : { b64_json: await base64(engine, sha256) }),
    seed: generation.request.seed + i,
  }));
  response.json({
    created: seconds(generation.createdAt),
    data: await Promise.all(data),
    background: 'opaque',
    output_format: 'png',
    size: sizeOf(call),
    usage: usage.sum(),
  });
}

/** One event for each picture on the way, and one for each finished image. Errors are an event too. */
export async function answerInEvents(running: RunningCall, response: Response): Promise<void> {
  const { engine, call, generation, origin, kind } = running;
  const stream = openSse(response);
  const usage = new Usage();
  const count = generation.request.images.length;
  const facts = { size: sizeOf(call), quality: 'auto', background: 'opaque', output_format: 'png' };
  const send = async (type: string, sha256: string, more: object) => {
    const about = { type, ...more, ...facts, created_at: seconds(new Date()) };
    const final = type.endsWith('.completed');
    const picture =
      final && call.format === 'url'
        ? { url: origin + engine.urlOf(sha256) }
        : { b64_json: await base64(engine, sha256) };
    await stream.send(type, { ...about, ...picture });
  };
  try {
    const images = await follow(running, async (step) => {
      usage.add(step, count);
      const index = partialIndex(step, call.partialImages);
      if (index === null) return;
      for (const [image, preview] of (step.previews ?? []).entries()) {
        if (preview) await send(`${kind}.partial_image`, preview, { partial_image_index: index, image_index: image });
      }
    });
    for (const [i, sha256] of images.entries()) {
      const seed = generation.request.seed + i;
      await send(`${kind}.completed`, sha256, { image_index: i, seed, usage: usage.sum(count) });
    }
  } catch (error) {
    if (response.destroyed) return;
    const known = isTesseraError(error) || error instanceof GenerationFailed;
    const said = known ? (error as TesseraError | GenerationFailed) : unexpected(error);
    await stream.send('error', { type: 'error', ...asOpenAiError(said) });
  } finally {
    stream.end();
  }
}

/**
 * Calls `onStep` for each step and returns the finished images.
 * @throws GenerationFailed, and TesseraError `stream-interrupted` where this server ends before the generation
 */
async function follow(
  { events, abandon }: RunningCall,
  onStep: (step: Step) => Promise<void>,
): Promise<readonly string[]> {
  let got = 'the end of its events';
  try {
    for await (const event of events) {
      if (event.kind === 'step') await onStep(event);
      if (event.kind === 'completed') return event.images;
      if (event.kind === 'failed') throw new GenerationFailed(event.code, event.message);
      if (event.kind === 'canceled') throw canceled();
    }
  } catch (error) {
    if (!isInterruption(error)) throw error;
    got = error.parts.got;
  }
  // Its client is told to send the call again: no one would get the images of this one.
  await abandon();
  throw interruptedCall(got);
}

/** Which of the wanted pictures on the way this step gives: they are spread evenly over all steps but the last. */
function partialIndex({ index, of }: Step, wanted: number): number | null {
  const steps = Array.from({ length: wanted }, (_, i) => Math.round(((i + 1) * of) / (wanted + 1)) - 1);
  const due = [...new Set(steps)].filter((step) => step >= 0 && step < of - 1);
  const place = due.indexOf(index);
  return place === -1 ? null : place;
}

/** Tokens drawn, as OpenAI counts them. A class is no text. */
class Usage {
  #tokens = 0;

  /** A single list of positions holds for every image. */
  add({ positions }: Step, images: number): void {
    const lists = positions.length === 1 ? images : 1;
    this.#tokens += lists * positions.reduce((sum, { length }) => sum + length, 0);
  }

  /** `among`: the share of one of so many images. */
  sum(among = 1): object {
    const tokens = Math.round(this.#tokens / among);
    return {
      input_tokens: 0,
      input_tokens_details: { image_tokens: 0, text_tokens: 0 },
      output_tokens: tokens,
      total_tokens: tokens,
    };
  }
}

function canceled(): GenerationFailed {
  const code = 'generation-canceled';
  const next = 'Send the request again if the images are still wanted.';
  const { message } = new TesseraError({ code, who: 'images', got: 'a cancel', expected: 'finished images', next });
  return new GenerationFailed(code, message);
}

/** These clients cannot come back to a generation: they send their request again. */
export function interruptedCall(got: string): TesseraError {
  return new TesseraError({
    code: 'stream-interrupted',
    who: 'images',
    got,
    expected: 'a server that answers until the images are there',
    next: 'Send the same request again: another server takes it, or this one once it is back.',
    retryAfter: 1,
  });
}

function sizeOf({ input, model }: ImagesCall): string {
  return sizeText(input.size ?? model.image);
}

async function base64(engine: Engine, sha256: string): Promise<string> {
  return (await engine.picture(sha256)).toString('base64');
}

function seconds(date: Date): number {
  return Math.floor(date.getTime() / 1000);
}

import { once } from 'node:events';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { Avatar } from './draw-avatar.ts';
import type { AvatarStyle } from './styles.ts';

/** An avatar to draw, as `drawAvatar` takes it. */
export interface AvatarRequest {
  readonly style: AvatarStyle;
  readonly seed: string;
  readonly size: number;
}

/** Avatars that a thread draws between two messages. */
const CHUNK = 32;

/** Threads that draw avatars while this one does something else. */
export interface AvatarThreads {
  /** Avatars in the order of the requests. One list at a time. @throws what `drawAvatar` throws */
  draw(requests: readonly AvatarRequest[]): AsyncGenerator<Avatar>;
  end(): Promise<void>;
}

/** Starts as many threads as the machine has cores, eight at most. */
export function openAvatarThreads(): AvatarThreads {
  const threads = Array.from({ length: Math.min(8, availableParallelism()) }, startThread);
  return {
    draw: (requests) => drawBy(threads, requests),
    async end() {
      await Promise.all(threads.map((thread) => thread.end()));
    },
  };
}

async function* drawBy(threads: readonly Thread[], requests: readonly AvatarRequest[]): AsyncGenerator<Avatar> {
  const chunks = Array.from({ length: Math.ceil(requests.length / CHUNK) }, (_, n) =>
    requests.slice(n * CHUNK, (n + 1) * CHUNK),
  );
  const drawn = new Map<number, Promise<readonly Avatar[]>>();
  // Each thread draws its next chunk while the caller takes the one before: two of each are in memory.
  const begin = (n: number) => {
    if (n >= chunks.length) return;
    const chunk = threads[n % threads.length]!.draw(chunks[n]!);
    chunk.catch(() => undefined); // thrown where it is awaited
    drawn.set(n, chunk);
  };
  for (let n = 0; n < 2 * threads.length; n++) begin(n);
  for (let n = 0; n < chunks.length; n++) {
    yield* await drawn.get(n)!;
    drawn.delete(n);
    begin(n + 2 * threads.length);
  }
}

/** What a thread answers: the avatars of a chunk, or why there are none. */
export type FromThread = { readonly avatars: readonly Avatar[] } | { readonly error: unknown };

interface Thread {
  /** Chunks are drawn one after the other, in the order of the calls. */
  draw(chunk: readonly AvatarRequest[]): Promise<readonly Avatar[]>;
  end(): Promise<unknown>;
}

function startThread(): Thread {
  const worker = openThread();
  const ended = once(worker, 'exit').then(([code]) => {
    throw new Error(`the thread that draws avatars ended with ${code}`);
  });
  ended.catch(() => undefined);
  let turn: Promise<unknown> = Promise.resolve();
  return {
    draw(chunk) {
      const answer = turn.then(async () => {
        worker.postMessage(chunk);
        const [message] = (await Promise.race([once(worker, 'message'), ended])) as [FromThread];
        if ('error' in message) throw message.error;
        return message.avatars;
      });
      turn = answer.catch(() => undefined);
      return answer;
    },
    end: () => worker.terminate(),
  };
}

const fromSources = import.meta.url.endsWith('.ts');
const entry = new URL(fromSources ? './draw-thread.ts' : './draw-thread.js', import.meta.url);

/** A thread has no hooks of the process: where that runs TypeScript, the thread starts with hooks of its own. */
function openThread(): Worker {
  if (!fromSources) return new Worker(entry, { execArgv: [] });
  const hooks = pathToFileURL(
    createRequire(import.meta.url)
      .resolve('tsx/esm/api')
      .replace(/cjs$/, 'mjs'),
  ).href;
  const start = `import(${JSON.stringify(hooks)}).then(({ register }) => {
    register();
    return import(${JSON.stringify(entry.href)});
  });`;
  return new Worker(start, { eval: true, execArgv: ['--conditions=@tessera/source'] });
}

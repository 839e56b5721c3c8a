import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { createClient, type GenerationEvent } from '@tessera/client';

/* Draws one picture on a server, and keeps how it looks after every step: keep-steps.ts URL MODEL WORD FOLDER. */

const [url = 'http://localhost:4000', model = 'digits-var', word = '7', folder = 'steps'] = process.argv.slice(2);
const tessera = createClient({ url, ...(process.env['TESSERA_KEY'] && { key: process.env['TESSERA_KEY'] }) });
await mkdir(folder, { recursive: true });

const made = await tessera.createGeneration({ model, images: [{ condition: { class: word } }], preview: 'DECODED' });
if (made.__typename === 'QueueFull') throw new Error(`Too many wait. Try again in ${made.retryAfter} s.`);
if (made.__typename !== 'CreateGenerationPayload') throw new Error(made.message);

for await (const event of tessera.events(made.generation.id)) console.log(sentenceOf(event));

// A reader that is slower than the model is sent the newest previews alone; all of them are stored.
type Picture = { readonly url: string };
interface StoredEvent {
  readonly previews?: readonly Picture[];
  readonly images?: readonly Picture[];
}
interface Stored {
  readonly generation: { readonly events: readonly StoredEvent[] };
}
const { generation } = await tessera.request<Stored>(
  `query ($id: ID!) { generation(id: $id) { ... on Generation {
    events(first: 100) { ... on StepEvent { previews { url } } ... on CompletedEvent { images { url } } } } } }`,
  { id: made.generation.id },
);
const pictures = generation.events.flatMap(({ previews, images }) => (previews ?? images)?.[0] ?? []);
for (const [step, picture] of pictures.entries()) {
  await writeFile(join(folder, `${step + 1}.png`), await tessera.download(picture));
}
await tessera.close();

function sentenceOf(event: GenerationEvent): string {
  switch (event.__typename) {
    case 'WaitingEvent':
      return `${event.position} before it`;
    case 'StepEvent':
      return `step ${event.index + 1} of ${event.of}`;
    case 'CompletedEvent':
      return `finished in ${Math.round(event.timings.total)} ms of the model`;
    case 'FailedEvent':
      return event.message;
    default:
      return event.__typename.replace('Event', '').toLowerCase();
  }
}

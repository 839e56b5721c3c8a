import type { Pixels, SampleEvent } from '@tessera/core';
import { encodePng, tile } from '@tessera/pictures';
import type { Member, Part } from './member.ts';
import type { HostEvent, TokenDetails } from './protocol.ts';
import type { TokenWatch } from './token-watch.ts';
import { encodeWritten, type Rows } from './written-bytes.ts';

/** An event of the loop for one member. */
export interface Drawn {
  readonly event: SampleEvent;
  /** The member's images among those of the batch. */
  readonly rows: Rows;
  readonly milliseconds: number;
  /** Of requests that ask for details. */
  readonly watch: TokenWatch | null;
}

type StepEvent = Extract<HostEvent, { type: 'step' }>;
type ImageEvent = Extract<HostEvent, { type: 'image' }>;
type Step = Extract<SampleEvent, { type: 'step' }>;

/**
 * Everything that depends on the member is read at once: it goes on while the pictures are made.
 * @throws what `encodePng` throws
 */
export async function stepEvent(member: Member, event: Step, { rows, milliseconds, watch }: Drawn): Promise<StepEvent> {
  const { step, previews, given } = event;
  const { part } = member;
  const images = member.job.request.images.length;
  const own = previews && previews.slice(rows.first, rows.first + rows.count);
  const told = {
    ...member.place(step),
    positions: positionsOf(step.positions_Bl, { rows, part, images }),
    ...(given && { given }),
    details: watch && detailsOf(watch.detailsOf(rows), part, images),
    milliseconds,
    tokens: encodeWritten({ written: part.written[step.index]!, images: rows.count, of: step.of }),
  };
  const [pngs, sprite] = await Promise.all([
    own && Promise.all(own.map(encodePng)),
    own && spriteOf(own, part, images),
  ]);
  return { type: 'step', ...told, previews: pngs && spread(pngs, part, images), sprite };
}

/** @throws what `encodePng` throws */
export async function imageEvent(
  { part }: Member,
  { row, pixels }: Extract<SampleEvent, { type: 'image' }>,
  { rows, milliseconds }: Drawn,
): Promise<ImageEvent> {
  const index = part.first + row - rows.first;
  return { type: 'image', index, png: await encodePng(pixels), milliseconds };
}

/** How many pictures of a sprite stand side by side. */
export function spriteColumns(images: number): number {
  return Math.ceil(Math.sqrt(images));
}

/** All images of a generation in one picture; those of other parts are black. Null where there is only one. */
function spriteOf(own: readonly Pixels[], part: Part, images: number): Promise<Uint8Array> | null {
  const [first] = own;
  if (images === 1 || !first) return null;
  const black = { ...first, data: new Float32Array(first.data.length) };
  const all = spread(own, part, images).map((pixels) => pixels ?? black);
  return encodePng(tile(all, { columns: spriteColumns(images), gap: 0, ground: 0 }));
}

/** One entry per image of the generation, null for those of other parts. */
function spread<T>(own: readonly T[], { first }: Part, images: number): (T | null)[] {
  return Array.from({ length: images }, (_, image) => own[image - first] ?? null);
}

/** One list per image of the generation, empty for those of other parts. */
function detailsOf(details: TokenDetails, part: Part, images: number): TokenDetails {
  const spreadLists = <T>(lists: readonly (readonly T[])[] | null) =>
    lists && spread(lists, part, images).map((one) => one ?? []);
  return {
    codes: spreadLists(details.codes),
    logProbabilities: spreadLists(details.logProbabilities),
    entropies: spreadLists(details.entropies),
    topCodes: spreadLists(details.topCodes),
    topProbabilities: spreadLists(details.topProbabilities),
  };
}

interface Positions {
  readonly rows: Rows;
  readonly part: Part;
  readonly images: number;
}

/** A single list where all images of the generation have the same. */
function positionsOf(positions_Bl: Int32Array, { rows, part, images }: Positions): readonly (readonly number[])[] {
  const length = positions_Bl.length / rows.all;
  const own = Array.from({ length: rows.count }, (_, image) => {
    const row = rows.first + image;
    return [...positions_Bl.subarray(row * length, (row + 1) * length)];
  });
  const [first] = own;
  const same = own.every((one) => one.every((position, i) => position === first![i]));
  if (same && rows.count === images) return [first!];
  return spread(own, part, images).map((one) => one ?? []);
}

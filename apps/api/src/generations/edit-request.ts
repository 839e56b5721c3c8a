import type { HostRequest } from '@tessera/host';
import type { Region } from '@tessera/pictures';
import type { BlobStore } from '../storage/blob-store.ts';

/** An edit as it is stored: pictures by their ids, which outlive every process. */
export interface EditRequest extends Region {
  /** SHA-256 of a stored PNG. */
  readonly image: string;
  readonly mask?: string;
}

/** A generation as it is stored; what the host runs is made of it anew at every start. */
export type GenerationRequest = Omit<HostRequest, 'edit'> & { readonly edit?: EditRequest };

/** What a client may send; null and undefined both mean "left out". */
export interface EditInput {
  readonly image: string | number;
  readonly mask?: string | number | null | undefined;
  readonly box?: readonly number[] | null | undefined;
  readonly outside?: boolean | null | undefined;
  readonly place?: readonly number[] | null | undefined;
}

export function readEditInput({ image, mask, box, outside, place }: EditInput): EditRequest {
  return {
    image: String(image),
    ...(mask != null && { mask: String(mask) }),
    ...(box && { box }),
    ...(outside && { outside }),
    ...(place && { place }),
  };
}

/** Ids become files. One that has gone is said to be missing when it is read. */
export function toHostRequest({ edit, ...request }: GenerationRequest, blobs: BlobStore): HostRequest {
  if (!edit) return request;
  const { image, mask, ...region } = edit;
  const fileOf = (id: string): string => blobs.pathOf(id) ?? `${id}.png`;
  return { ...request, edit: { ...region, image: fileOf(image), ...(mask !== undefined && { mask: fileOf(mask) }) } };
}

import { asked } from '../api/tessera.ts';
import type { GenerationInput, Model } from '../api/operations.ts';
import type { OwnSettings } from '../settings/options.tsx';
import { mostDetailed, ownSettings } from '../settings/settings.ts';
import { askedSize, seenAt } from '../settings/sizes.ts';
import type { Base } from './base.ts';
import { maskPng, png } from '../mask/compose.ts';
import type { Cut } from '../mask/cut.ts';
import type { Frame } from '../mask/frame.ts';
import { redrawn, type Marked } from '../mask/mask.ts';

/** What the form of the room holds. */
export interface EditSettings {
  readonly model: string;
  /** What the new part shows; -1 is whatever fits. */
  readonly label: number;
  readonly count: number;
  /** Null for a new one each time. */
  readonly seed: number | null;
  /** Guidance and options by name of the model; those that were never changed are absent. */
  readonly own: Readonly<Record<string, OwnSettings>>;
}

interface ToSend {
  readonly base: Base;
  readonly cut: Cut;
  readonly marked: Marked;
  readonly frame: Frame;
  readonly model: Model;
}

/** Sends picture and mask, and returns the request of the variants. */
export async function editRequest(edit: ToSend, settings: EditSettings, seed: number): Promise<GenerationInput> {
  const mask = redrawn(edit.marked, edit.cut.unknown);
  const [image, maskId] = await Promise.all([pictureId(edit), upload(await maskPng(mask, edit.frame))]);
  const { label, count } = settings;
  const { model } = edit;
  const { guidance, options, size: text } = ownSettings(settings, model);
  const size = askedSize(text, model);
  return {
    model: model.name,
    ...(guidance !== null && { guidance }),
    options,
    // Codes and probabilities of tokens are for the anatomy.
    details: count <= mostDetailed(seenAt(model, text)),
    ...(size && { size }),
    images: [{ count, ...(label >= 0 && { condition: { label } }) }],
    seed,
    edit: { image, region: { mask: maskId } },
  };
}

/** The server has its own pictures already, as long as nothing of them was changed. */
async function pictureId({ base: { made, bitmap }, cut, frame }: ToSend): Promise<string> {
  const isAsMade = bitmap.width === frame.width && bitmap.height === frame.height && !cut.unknown.includes(1);
  return made && isAsMade ? made.picture : upload(await png(cut.rgba, frame));
}

async function upload(bytes: Uint8Array): Promise<string> {
  const { id } = await asked((client) => client.upload(bytes, 'image/png'));
  return id;
}

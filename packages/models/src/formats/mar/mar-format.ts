import { maskedEncoderDecoder } from '@tessera/backbones';
import { TesseraError } from '@tessera/errors';
import { diffusionHead } from '@tessera/head-diffusion';
import { fitPreviewOnNoise, klConfig, openKlVae, tokenChannels, type KlConfig } from '@tessera/tokenizer-continuous';
import type { OfficialState } from '../official-state.ts';
import { noteKeys, readNote } from '../state-notes.ts';
import { shapeOf } from '../state-shapes.ts';
import { storedTensors, type ImportHints, type Reading, type States, type WeightFormat } from '../weight-format.ts';
import { generatorNote, generatorNotes, tokenizerNote, tokenizerNotes } from './mar-notes.ts';
import { patchSizeOf } from './patch-size.ts';
import { publishedMar } from './presets.ts';
import { configOfKlState, configOfMarState, type MarStateConfig } from './state-config.ts';
import { trainingArguments } from './training-arguments.ts';

/** MAR (arXiv 2406.11838): a trainer's `checkpoint-last.pth`, or a state dict of it, with `kl16.ckpt`. */
export const marFormat: WeightFormat = {
  name: 'MAR',
  marks: {
    transformer: { tensor: 'diffusion_pos_embed_learned', called: 'MAR generator' },
    tokenizer: { tensor: 'encoder.mid.attn_1.q.weight', called: 'KL-VAE' },
  },
  plugins: { tokenizer: 'kl', order: 'random-sets', backbone: 'masked-encoder-decoder', head: 'diffusion' },
  hints: ['heads', 'groups', 'latentScale', 'patchSize'],
  averaged: true,
  read: async (states, hints) => readMar(states, hints),
  write: ({ folder, manifest, files }) => {
    const backbone = maskedEncoderDecoder.config.parse(manifest.backbone.config, folder);
    const head = diffusionHead.config.parse(manifest.head.config, folder);
    const kl = klConfig.parse(manifest.tokenizer.config, folder);
    return {
      transformer: {
        file: 'mar.safetensors',
        tensors: [...storedTensors(files.backbone), ...storedTensors(files.head)],
        metadata: { [noteKeys.backbone]: generatorNote(backbone, head, kl) },
      },
      tokenizer: {
        file: 'kl.safetensors',
        tensors: storedTensors(files.tokenizer),
        metadata: { [noteKeys.tokenizer]: tokenizerNote(kl) },
      },
    };
  },
};

function readMar({ transformer, tokenizer }: States, hints: ImportHints): Reading {
  const told = whatFilesTell(transformer);
  const heads = hints.heads === undefined ? told.heads : { encoder: hints.heads, decoder: hints.heads };
  const { who } = transformer;
  const read = configOfMarState(transformer.shapes, { ...told, who, ...(heads && { heads }) });
  const kl = readKl(tokenizer, read, { ...hints, patchSize: hints.patchSize ?? told.patchSize });
  const { respacing } = diffusionHead
    .options({ kind: 'continuous', channels: tokenChannels(kl) })
    .parse({ respacing: told.respacing }, who);
  const { encoder, decoder, classes } = read.backbone;
  return {
    configs: { tokenizer: kl, order: {}, backbone: read.backbone, head: read.head },
    tensors: splitTensors({ transformer, tokenizer }),
    classes,
    description: `MAR of ${encoder.depth} and ${decoder.depth} blocks, imported from official weights`,
    // The settings of the published evaluation, with the fewer steps that cost it little.
    defaults: {
      guidance: { kind: 'linear', scale: publishedMar(encoder.width)?.guidance ?? 3 },
      options: { steps: Math.min(64, read.length), temperature: 1, respacing },
      preview: 'linear',
    },
    fitPreview: ({ engine, weights }) => fitPreviewOnNoise(engine, openKlVae(kl, weights)),
  };
}

/** Notes of an export of ours, else the arguments of the official trainer; the table of published models wins over these. */
function whatFilesTell(state: OfficialState): ReturnType<typeof trainingArguments> {
  const { heads, ...told } = trainingArguments(state);
  const notes = readNote(state, noteKeys.backbone, generatorNotes);
  const [, width] = state.shapes.get('class_emb.weight') ?? [];
  const published = width !== undefined && publishedMar(width) !== null;
  return { ...told, ...(heads && !published && { heads }), ...notes };
}

function readKl(
  { shapes, who, values }: OfficialState,
  { length, channels }: MarStateConfig,
  hints: Omit<ImportHints, 'patchSize'> & { readonly patchSize: number | undefined },
): KlConfig {
  const [latentChannels] = shapeOf(shapes, 'post_quant_conv.weight', { rank: 4, who }) as [number];
  const { latentScale, groups } = { ...readNote({ values, who }, noteKeys.tokenizer, tokenizerNotes), ...hints };
  return configOfKlState(shapes, {
    who,
    tokensAcross: sideOf(length, who),
    patchSize: patchSizeOf({ who, tokenChannels: channels, latentChannels, said: hints.patchSize }),
    ...(latentScale !== undefined && { latentScale }),
    ...(groups !== undefined && { groups }),
  });
}

function sideOf(length: number, who: string): number {
  const side = Math.sqrt(length);
  if (Number.isInteger(side)) return side;
  throw new TesseraError({ code: 'state-shape', who, got: `${length} tokens`, expected: 'the tokens of a square map' });
}

/** The denoiser goes to the head's file; what only served the training of the tokenizer goes nowhere. */
function splitTensors({ transformer, tokenizer }: States): Reading['tensors'] {
  const names = [...transformer.shapes.keys()];
  const isHead = (name: string): boolean => name.startsWith('diffloss.');
  return {
    backbone: names.filter((name) => !isHead(name)).map(transformer.tensor),
    head: names.filter(isHead).map(transformer.tensor),
    tokenizer: [...tokenizer.shapes.keys()].filter((name) => !name.startsWith('loss.')).map(tokenizer.tensor),
  };
}

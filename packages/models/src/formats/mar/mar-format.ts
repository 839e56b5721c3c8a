import { maskedEncoderDecoder } from '@tessera/backbones';
import { TesseraError } from '@tessera/errors';
import { diffusionHead } from '@tessera/head-diffusion';
import { fitPreviewOnNoise, klConfig, openKlVae, tokenChannels, type KlConfig } from '@tessera/tokenizer-continuous';
import { agreed, asked, confirming } from '../settings.ts';
import { noteKeys, readNote } from '../state-notes.ts';
import { shapeOf } from '../state-shapes.ts';
import {
  storedTensors,
  type Assume,
  type ImportHints,
  type Reading,
  type States,
  type WeightFormat,
} from '../weight-format.ts';
import { generatorNote, tokenizerNote, tokenizerNotes } from './mar-notes.ts';
import { patchSizeOf } from './patch-size.ts';
import { publishedMar } from './presets.ts';
import { configOfKlState, configOfMarState, type MarStateConfig } from './state-config.ts';
import { confirmGenerator, toldGenerator } from './told-generator.ts';

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
  const assumed: string[] = [];
  const assume = (what: string) => void assumed.push(what);
  const { who } = transformer;
  const told = toldGenerator(transformer, hints);
  const { heads, dropout, repeats } = told;
  const read = configOfMarState(transformer.shapes, { who, heads, dropout, repeats, assume });
  confirmGenerator(transformer, read);
  const kl = readKl({ transformer, tokenizer }, read, { hints, patchSize: told.patchSize, assume });
  const { respacing } = diffusionHead
    .options({ kind: 'continuous', channels: tokenChannels(kl) })
    .parse({ respacing: told.respacing }, who);
  const { encoder, decoder, classes } = read.backbone;
  return {
    configs: { tokenizer: kl, order: {}, backbone: read.backbone, head: read.head },
    tensors: splitTensors({ transformer, tokenizer }),
    classes,
    description: `MAR of ${encoder.depth} and ${decoder.depth} blocks, imported from official weights`,
    assumed,
    // The settings of the published evaluation, with the fewer steps that cost it little.
    defaults: {
      guidance: { kind: 'linear', scale: publishedMar(encoder, decoder)?.guidance ?? 3 },
      options: { steps: Math.min(64, read.length), temperature: 1, respacing },
      preview: 'linear',
    },
    fitPreview: ({ engine, weights }) => fitPreviewOnNoise(engine, openKlVae(kl, weights)),
  };
}

interface KlSources {
  readonly hints: ImportHints;
  /** What is said of it. */
  readonly patchSize: number | undefined;
  readonly assume: Assume;
}

function readKl(
  { transformer, tokenizer }: States,
  { length, channels }: MarStateConfig,
  { hints, patchSize: said, assume }: KlSources,
): KlConfig {
  const { shapes, who, settings } = tokenizer;
  const [latentChannels] = shapeOf(shapes, 'post_quant_conv.weight', { rank: 4, who }) as [number];
  const notes = readNote(tokenizer, noteKeys.tokenizer, tokenizerNotes);
  const noted = <T>(value: T | undefined) => asked(noteKeys.tokenizer, value);
  const latentScale = agreed(who, 'latent scale', [
    ...asked('--latent-scale', hints.latentScale),
    ...noted(notes?.latentScale),
    ...settings.numbers('latent_scale', 'scaling_factor', 'scale_factor'),
  ]);
  const groups = agreed(who, 'groups', [
    ...asked('--groups', hints.groups),
    ...noted(notes?.groups),
    ...settings.numbers('num_groups', 'norm_num_groups'),
  ]);
  const patchSize = patchSizeOf({ who, tokenChannels: channels, latentChannels, said });
  const read = configOfKlState(shapes, {
    who,
    tokensAcross: sideOf(length, who),
    patchSize,
    latentScale,
    groups,
    assume,
  });
  confirmKl({ transformer, tokenizer }, read);
  return read;
}

/** Holds the tokenizer's shapes against what its own file and the generator's say of it. */
function confirmKl({ transformer, tokenizer }: States, read: KlConfig): void {
  const { settings } = tokenizer;
  const confirm = confirming(tokenizer.who);
  confirm('channels of latents', read.z_channels, settings.numbers('z_channels', 'latent_channels'));
  confirm('width', read.ch, settings.numbers('ch'));
  confirm('widths of levels', read.ch_mult, settings.lists('ch_mult'));
  confirm('blocks of a level', read.num_res_blocks, settings.numbers('num_res_blocks'));
  const asMade = confirming(transformer.who);
  const source = 'the tokenizer';
  const stride = transformer.settings.numbers('vae_stride');
  asMade('channels of latents', read.z_channels, transformer.settings.numbers('vae_embed_dim'), source);
  asMade('pixels across a latent', 2 ** (read.ch_mult.length - 1), stride, source);
  if (stride.length > 0) {
    asMade(
      'pixels across an image',
      read.resolution,
      transformer.settings.numbers('img_size'),
      'the tokens of an image',
    );
  }
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

import { maskedEncoderDecoder, type MaskedConfig } from '@tessera/backbones';
import { TesseraError } from '@tessera/errors';
import { diffusionHead, type DiffusionConfig } from '@tessera/head-diffusion';
import { schema } from '@tessera/schema';
import { fitPreviewOnNoise, klConfig, openKlVae, tokenChannels, type KlConfig } from '@tessera/tokenizer-continuous';
import type { OfficialState } from '../official-state.ts';
import { agreed, asked, confirming } from '../settings.ts';
import {
  noteKeys,
  readNote,
  shapeOf,
  storedTensors,
  type Assume,
  type ImportHints,
  type Reading,
  type States,
  type WeightFormat,
} from '../weight-format.ts';
import {
  configOfKlState,
  configOfMarState,
  patchSizeOf,
  publishedMar,
  type Heads,
  type MarStateConfig,
} from './state-config.ts';

const { integer, number, object } = schema;

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
  const said = readGeneratorSettings(transformer, hints);
  const { heads, dropout, repeats } = said;
  const read = configOfMarState(transformer.shapes, { who, heads, dropout, repeats, assume });
  confirmGenerator(transformer, read);
  const kl = readKl({ transformer, tokenizer }, read, { hints, patchSize: said.patchSize, assume });
  const { respacing } = diffusionHead
    .options({ kind: 'continuous', channels: tokenChannels(kl) })
    .parse({ respacing: said.respacing }, who);
  const { encoder, decoder, classes } = read.backbone;
  return {
    configs: { tokenizer: kl, order: {}, backbone: read.backbone, head: read.head },
    tensors: splitTensors({ transformer, tokenizer }),
    classes,
    description: `MAR of ${encoder.depth} and ${decoder.depth} blocks, imported from official weights`,
    assumed,
    // As in the published evaluation, but with fewer steps, which cost little quality.
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
  /** From the settings of the generator. */
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

/** Compares the tokenizer's shapes with the settings of its own file and of the generator's. */
function confirmKl({ transformer, tokenizer }: States, read: KlConfig): void {
  const { settings } = tokenizer;
  const confirm = confirming(tokenizer.who);
  confirm('channels of latents', read.z_channels, settings.numbers('z_channels', 'latent_channels'));
  confirm('width', read.ch, settings.numbers('ch'));
  confirm('widths of levels', read.ch_mult, settings.lists('ch_mult'));
  confirm('blocks of a level', read.num_res_blocks, settings.numbers('num_res_blocks'));
  const confirmMade = confirming(transformer.who, 'the tokenizer');
  const stride = transformer.settings.numbers('vae_stride');
  confirmMade('channels of latents', read.z_channels, transformer.settings.numbers('vae_embed_dim'));
  confirmMade('pixels across a latent', 2 ** (read.ch_mult.length - 1), stride);
  if (stride.length > 0) {
    const confirmSize = confirming(transformer.who, 'the tokens of an image');
    confirmSize('pixels across an image', read.resolution, transformer.settings.numbers('img_size'));
  }
}

function sideOf(length: number, who: string): number {
  const side = Math.sqrt(length);
  if (Number.isInteger(side)) return side;
  throw new TesseraError({ code: 'state-shape', who, got: `${length} tokens`, expected: 'the tokens of a square map' });
}

/** The denoiser goes to the head's file; tensors of the tokenizer's training loss are dropped. */
function splitTensors({ transformer, tokenizer }: States): Reading['tensors'] {
  const names = [...transformer.shapes.keys()];
  const isHead = (name: string): boolean => name.startsWith('diffloss.');
  return {
    backbone: names.filter((name) => !isHead(name)).map(transformer.tensor),
    head: names.filter(isHead).map(transformer.tensor),
    tokenizer: [...tokenizer.shapes.keys()].filter((name) => !name.startsWith('loss.')).map(tokenizer.tensor),
  };
}

type Backbone = MarStateConfig['backbone'];

/** Settings of a MAR generator that its shapes do not show. */
interface GeneratorSettings {
  readonly heads: Heads;
  readonly patchSize: number | undefined;
  readonly dropout: number | undefined;
  readonly repeats: number | undefined;
  readonly respacing: string | undefined;
}

/**
 * Reads them from the request, from the notes of an export, and from the settings of the file, such as `args` of the
 * official trainer's `checkpoint-last.pth`.
 * @throws TesseraError weights-mismatch if these disagree
 */
function readGeneratorSettings(state: OfficialState, hints: ImportHints): GeneratorSettings {
  const { who, settings, values } = state;
  const notes = readNote(state, noteKeys.backbone, generatorNotes);
  const noted = <T>(value: T | undefined) => asked(noteKeys.backbone, value);
  const heads = (of: keyof Heads) =>
    agreed(who, `heads of the ${of}`, [
      ...asked('--heads', hints.heads),
      ...noted(notes?.heads[of]),
      ...settings.numbers(`${of}_num_heads`, 'num_heads'),
    ]);
  const respacing = values.get('args.num_sampling_steps');
  return {
    heads: { encoder: heads('encoder'), decoder: heads('decoder') },
    patchSize: agreed(who, 'patch size', [
      ...asked('--patch-size', hints.patchSize),
      ...noted(notes?.patchSize),
      ...settings.numbers('patch_size'),
    ]),
    dropout: agreed(who, 'dropout', [...noted(notes?.dropout), ...settings.numbers('proj_dropout')]),
    repeats: agreed(who, 'repeats', [...noted(notes?.repeats), ...settings.numbers('diffusion_batch_mul')]),
    respacing: typeof respacing === 'string' || typeof respacing === 'number' ? String(respacing) : undefined,
  };
}

/**
 * Compares what the shapes of a generator show with the settings of its file.
 * @throws TesseraError weights-mismatch if they disagree
 */
function confirmGenerator({ who, settings }: OfficialState, { backbone, head }: MarStateConfig): void {
  const confirm = confirming(who);
  const { classes, buffer, mlpRatio }: Backbone = backbone;
  confirm('classes', classes, settings.numbers('class_num', 'num_classes'));
  for (const of of ['encoder', 'decoder'] as const) {
    confirm(`depth of the ${of}`, backbone[of].depth, settings.numbers(`${of}_depth`));
    confirm(`width of the ${of}`, backbone[of].width, settings.numbers(`${of}_embed_dim`));
  }
  confirm('buffer tokens', buffer, settings.numbers('buffer_size'));
  confirm('ratio of hidden widths', mlpRatio, settings.numbers('mlp_ratio'));
  confirm('blocks of the denoiser', head.blocks, settings.numbers('diffloss_d'));
  confirm('width of the denoiser', head.width, settings.numbers('diffloss_w'));
  const confirmCode = confirming(who, 'what Tessera computes with');
  confirmCode('epsilon of norms', 1e-6, settings.numbers('norm_eps', 'layer_norm_eps'));
}

/** Settings of a MAR generator that an export notes: names and shapes do not show them. The plug-ins' schemas check ranges. */
const generatorNotes = object({
  heads: object({ encoder: integer({ min: 1 }), decoder: integer({ min: 1 }) }),
  dropout: number(),
  repeats: integer({ min: 1 }),
  patchSize: integer({ min: 1 }),
});

/** The same for a KL-VAE. */
const tokenizerNotes = object({ latentScale: number(), groups: integer({ min: 1 }) });

type GeneratorNotes = ReturnType<typeof generatorNotes.parse>;
type TokenizerNotes = ReturnType<typeof tokenizerNotes.parse>;

function generatorNote(
  { encoder, decoder, dropout }: MaskedConfig,
  { repeats }: DiffusionConfig,
  { patch_size }: KlConfig,
): string {
  const heads = { encoder: encoder.heads, decoder: decoder.heads };
  const notes: GeneratorNotes = { heads, dropout, repeats, patchSize: patch_size };
  return JSON.stringify(notes);
}

function tokenizerNote({ latentScale, groups }: KlConfig): string {
  const notes: TokenizerNotes = { latentScale, groups };
  return JSON.stringify(notes);
}

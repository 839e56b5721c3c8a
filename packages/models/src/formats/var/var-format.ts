import { nextScaleTransformer, type ClassModulatedConfig } from '@tessera/backbones';
import type { Checkpoint, WritableTensor } from '@tessera/checkpoints';
import { TesseraError } from '@tessera/errors';
import { schema } from '@tessera/schema';
import { USAGE_BUFFER, vqConfig, vqTokenizer, type VqConfig } from '@tessera/tokenizer-vq';
import type { SavedTensor } from '../../weight-files.ts';
import type { OfficialState } from '../official-state.ts';
import { agreed, asked, confirming } from '../settings.ts';
import {
  noteKeys,
  readNote,
  storedTensors,
  type Assume,
  type ImportHints,
  type Reading,
  type States,
  type WeightFormat,
} from '../weight-format.ts';
import { fitPreviewFromCodes } from './fit-preview.ts';
import { configOfVarState, configOfVqState, headsShown, type VarStateConfig } from './state-config.ts';
import { derivedTensors, isDerived, patchNumsOfLevels } from './scales.ts';

const { boolean, choice, integer, list, number, object } = schema;

/** VAR (arXiv 2404.02905): `var_d16.pth` with `vae_ch160v4096z32.pth`, or a trainer's `ar-ckpt-last.pth` that has both. */
export const varFormat: WeightFormat = {
  name: 'VAR',
  marks: {
    transformer: { tensor: 'pos_1LC', called: 'VAR transformer' },
    tokenizer: { tensor: 'quantize.embedding.weight', called: 'VQ-VAE' },
  },
  plugins: { tokenizer: 'vq', order: 'next-scale', backbone: 'next-scale-transformer', head: 'categorical' },
  hints: ['patchNums', 'heads', 'groups', 'quantResi', 'usingZnorm'],
  averaged: false,
  read: readVar,
  write: ({ folder, manifest, files }) => {
    const config = nextScaleTransformer.config.parse(manifest.backbone.config, folder);
    const vq = vqConfig.parse(manifest.tokenizer.config, folder);
    const counted = files.tokenizer.tensors.has(USAGE_BUFFER);
    return {
      transformer: {
        file: 'var.safetensors',
        tensors: transformerTensors(config, vq, [files.backbone, files.head]),
        metadata: { [noteKeys.backbone]: backboneNote(vq, config) },
      },
      tokenizer: {
        file: 'vae.safetensors',
        tensors: tokenizerTensors(vq, files.tokenizer),
        metadata: { [noteKeys.tokenizer]: tokenizerNote(vq, counted) },
      },
    };
  },
};

async function readVar({ transformer, tokenizer }: States, hints: ImportHints): Promise<Reading> {
  const assumed: string[] = [];
  const { backbone, patchNums } = await readBackbone(transformer, hints, (what) => assumed.push(what));
  await checkKeyBiases(transformer, backbone.depth);
  const notes = readNote(tokenizer, noteKeys.tokenizer, tokenizerNotes);
  const vq = readVq(tokenizer, { notes, hints, patchNums, assume: (what) => assumed.push(what) });
  confirmStride(transformer, vq);
  return {
    configs: { tokenizer: vq, order: {}, backbone, head: {} },
    tensors: splitTensors({ transformer, tokenizer }, vq, notes?.counted !== false),
    classes: backbone.classes,
    description: `VAR of depth ${backbone.depth}, imported from official weights`,
    assumed,
    // As in the published evaluation.
    defaults: {
      guidance: { kind: 'ramp', scale: 1.5 },
      options: { topK: Math.min(900, vq.V), topP: 0.96 },
      preview: 'linear',
    },
    fitPreview: async (context) => {
      const built = vqTokenizer.build(vq, context);
      try {
        return await fitPreviewFromCodes(built);
      } finally {
        built.dispose();
      }
    },
  };
}

async function readBackbone(state: OfficialState, hints: ImportHints, assume: Assume): Promise<VarStateConfig> {
  const { who, shapes, settings } = state;
  const { patchNums: notedSides, heads: notedHeads, ...own } = readNote(state, noteKeys.backbone, backboneNotes) ?? {};
  const patchNums = agreed(who, 'sides', [
    ...asked('--patch-nums', hints.patchNums),
    ...asked(noteKeys.backbone, notedSides),
    ...asked('lvl_1L', await spelledSides(state)),
    ...settings.lists('patch_nums', 'v_patch_nums', 'pn'),
  ]);
  const heads = agreed(who, 'heads', [
    ...asked('--heads', hints.heads),
    ...asked(noteKeys.backbone, notedHeads),
    ...asked('its tensors', headsShown(shapes)),
    ...settings.numbers('num_heads', 'heads'),
  ]);
  const read = configOfVarState(shapes, { who, settings: own, patchNums, heads, assume });
  const { classes, depth, width, mlpRatio, qkNorm, sharedAdaLN } = read.backbone;
  const confirm = confirming(who);
  confirm('classes', classes, settings.numbers('num_classes', 'class_num'));
  confirm('depth', depth, settings.numbers('depth'));
  confirm('width', width, settings.numbers('embed_dim'));
  confirm('ratio of hidden widths', mlpRatio, settings.numbers('mlp_ratio'));
  confirm('query-key normalisation', qkNorm, settings.flags('anorm', 'attn_l2_norm'));
  confirm('shared modulation', sharedAdaLN, settings.flags('saln', 'shared_aln'));
  const confirmCode = confirming(who, 'what Tessera computes with');
  confirmCode('epsilon of norms', 1e-6, settings.numbers('norm_eps', 'layer_norm_eps'));
  return read;
}

interface VqSources {
  readonly notes: TokenizerNotes | null;
  readonly hints: ImportHints;
  readonly patchNums: readonly number[];
  readonly assume: Assume;
}

function readVq({ who, shapes, settings }: OfficialState, { notes, hints, patchNums, assume }: VqSources): VqConfig {
  const noted = <T>(value: T | undefined) => asked(noteKeys.tokenizer, value);
  const read = configOfVqState(shapes, {
    who,
    patchNums,
    assume,
    groups: agreed(who, 'groups', [
      ...asked('--groups', hints.groups),
      ...noted(notes?.groups),
      ...settings.numbers('num_groups', 'norm_num_groups'),
    ]),
    quantResi: agreed(who, 'quant_resi', [
      ...asked('--quant-resi', hints.quantResi),
      ...noted(notes?.quant_resi),
      ...settings.numbers('quant_resi'),
    ]),
    usingZnorm: agreed(who, 'using_znorm', [
      ...asked('--using-znorm', hints.usingZnorm),
      ...noted(notes?.using_znorm),
      ...settings.flags('using_znorm'),
    ]),
    beta: agreed(who, 'beta', [...noted(notes?.beta), ...settings.numbers('beta')]),
  });
  const confirm = confirming(who);
  confirm('entries of the codebook', read.V, settings.numbers('vocab_size', 'V'));
  confirm('channels of latents', read.Cvae, settings.numbers('z_channels', 'Cvae'));
  confirm('width', read.ch, settings.numbers('ch'));
  confirm('widths of levels', read.ch_mult, settings.lists('ch_mult'));
  confirm('blocks of a level', read.num_res_blocks, settings.numbers('num_res_blocks'));
  confirm('phis', read.share_quant_resi, settings.numbers('share_quant_resi'));
  confirm('side of the quantiser’s kernels', read.quant_conv_ks, settings.numbers('quant_conv_ks'));
  return read;
}

/** Checks the pixels per token, and so the size of every scale, that the official trainer notes. */
function confirmStride({ who, settings }: OfficialState, { ch_mult, patch_nums }: VqConfig): void {
  const confirm = confirming(who, 'the levels of the tokenizer');
  const stride = 2 ** (ch_mult.length - 1);
  confirm('pixels across a token', stride, settings.numbers('patch_size'));
  const pixels = patch_nums.map((side) => side * stride);
  confirm('pixels across the scales', pixels, settings.lists('resos'));
}

/** @throws TesseraError levels-malformed */
async function spelledSides(state: OfficialState): Promise<readonly number[] | undefined> {
  if (!state.shapes.has('lvl_1L')) return undefined;
  const sides = patchNumsOfLevels(await state.numbers('lvl_1L'));
  if (sides !== null) return sides;
  throw new TesseraError({
    code: 'levels-malformed',
    who: state.who,
    got: 'a lvl_1L that does not list scales',
    expected: 'the index of its scale for each token, of square scales',
  });
}

/** Keys have no bias in VAR: one that is not zero belongs to another model. */
async function checkKeyBiases(state: OfficialState, depth: number): Promise<void> {
  for (let block = 0; block < depth; block++) {
    const name = `blocks.${block}.attn.zero_k_bias`;
    if (!state.shapes.has(name)) continue;
    if ((await state.numbers(name)).every((value) => value === 0)) continue;
    throw new TesseraError({
      code: 'k-bias',
      who: state.who,
      got: `a ${name} that is not zero`,
      expected: 'keys without a bias, as in VAR',
    });
  }
}

/** The head's two tensors go to its file, all others to the backbone's. The usage of codes is dropped if its scales differ. */
function splitTensors(
  { transformer, tokenizer }: States,
  { V, patch_nums }: VqConfig,
  counted: boolean,
): Reading['tensors'] {
  const names = [...transformer.shapes.keys()].filter((name) => !isDerived(name));
  const isHead = (name: string): boolean => name === 'head.weight' || name === 'head.bias';
  const usable = counted && String(tokenizer.shapes.get(USAGE_BUFFER)) === String([patch_nums.length, V]);
  return {
    backbone: names.filter((name) => !isHead(name)).map(transformer.tensor),
    head: names.filter(isHead).map(transformer.tensor),
    tokenizer: [...tokenizer.shapes.keys()]
      .filter((name) => name !== USAGE_BUFFER || usable)
      .map((name) => (name === USAGE_BUFFER ? usageOf(tokenizer) : tokenizer.tensor(name))),
  };
}

/** How often each code was used, of any type; the model does not read it. */
function usageOf({ numbers, tensor }: OfficialState): SavedTensor {
  const values = async () => Float32Array.from(await numbers(USAGE_BUFFER));
  return { ...tensor(USAGE_BUFFER), buffer: true, values };
}

function transformerTensors(
  { depth, width }: ClassModulatedConfig,
  { patch_nums }: VqConfig,
  files: readonly Checkpoint[],
): WritableTensor[] {
  const stored = files.flatMap((file) => storedTensors(file));
  const dtype = stored.some((tensor) => tensor.dtype === 'float16') ? 'float16' : 'float32';
  return [...stored, ...derivedTensors({ depth, width, patchNums: patch_nums, dtype })];
}

/** The official file always holds how often each code was used; zeros if that was not counted. */
function tokenizerTensors({ patch_nums, V }: VqConfig, file: Checkpoint): WritableTensor[] {
  const stored = storedTensors(file);
  if (file.tensors.has(USAGE_BUFFER)) return stored;
  const shape = [patch_nums.length, V];
  const unused = {
    name: USAGE_BUFFER,
    dtype: 'float32',
    shape,
    bytes: () => new Uint8Array(shape[0]! * V * 4),
  } as const;
  return [...stored, unused];
}

/** Settings of a VAR transformer that an export notes: names and shapes do not show them. The plug-in's schema checks ranges. */
const backboneNotes = object({
  patchNums: list(integer({ min: 1, max: 1024 }), { min: 1, max: 64 }),
  heads: integer({ min: 1 }),
  dropPath: number(),
  initModulation: number(),
  initGate: number(),
  cache: choice('kv', 'none'),
});

/** The same for a VQ-VAE. */
const tokenizerNotes = object({
  quant_resi: number(),
  using_znorm: boolean(),
  beta: number(),
  groups: integer({ min: 1 }),
  /** False if the usage of codes was not counted: the file then holds zeros. */
  counted: boolean(),
});

type BackboneNotes = ReturnType<typeof backboneNotes.parse>;
type TokenizerNotes = ReturnType<typeof tokenizerNotes.parse>;

function backboneNote({ patch_nums }: VqConfig, config: ClassModulatedConfig): string {
  const { heads, dropPath, initModulation, initGate, cache } = config;
  const notes: BackboneNotes = { patchNums: patch_nums, heads, dropPath, initModulation, initGate, cache };
  return JSON.stringify(notes);
}

function tokenizerNote({ quant_resi, using_znorm, beta, groups }: VqConfig, counted: boolean): string {
  const notes: TokenizerNotes = { quant_resi, using_znorm, beta, groups, counted };
  return JSON.stringify(notes);
}

import { nextScaleTransformer, type NextScaleConfig } from '@tessera/backbones';
import type { Checkpoint, WritableTensor } from '@tessera/checkpoints';
import { TesseraError } from '@tessera/errors';
import { USAGE_BUFFER, vqConfig, vqTokenizer, type VqConfig } from '@tessera/tokenizer-vq';
import type { OfficialState } from '../official-state.ts';
import { noteKeys, readNote } from '../state-notes.ts';
import { storedTensors, type ImportHints, type Reading, type States, type WeightFormat } from '../weight-format.ts';
import { fitPreviewFromCodes } from './fit-preview.ts';
import { derivedTensors, isDerived, patchNumsOfLevels } from './official-buffers.ts';
import { configOfVarState, configOfVqState, type VarStateConfig, type VqStateHints } from './state-config.ts';
import { backboneNote, backboneNotes, tokenizerNote, tokenizerNotes, type TokenizerNotes } from './var-notes.ts';

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
  const { backbone, patchNums } = await readBackbone(transformer, hints);
  await checkKeyBiases(transformer, backbone.depth);
  const notes = readNote(tokenizer, noteKeys.tokenizer, tokenizerNotes);
  const vq = configOfVqState(tokenizer.shapes, { ...hintsOf(notes), ...hints, who: tokenizer.who, patchNums });
  return {
    configs: { tokenizer: vq, order: {}, backbone, head: {} },
    tensors: splitTensors({ transformer, tokenizer }, vq, notes?.counted !== false),
    classes: backbone.classes,
    description: `VAR of depth ${backbone.depth}, imported from official weights`,
    // The settings of the published evaluation.
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

async function readBackbone(state: OfficialState, hints: ImportHints): Promise<VarStateConfig> {
  const notes = readNote(state, noteKeys.backbone, backboneNotes);
  const { patchNums: noted, heads: notedHeads, ...settings } = notes ?? {};
  const patchNums = hints.patchNums ?? noted ?? (await spelledPatchNums(state));
  const heads = hints.heads ?? notedHeads;
  return configOfVarState(state.shapes, {
    who: state.who,
    settings,
    ...(patchNums && { patchNums }),
    ...(heads !== undefined && { heads }),
  });
}

function hintsOf(notes: TokenizerNotes | null): Partial<VqStateHints> {
  if (notes === null) return {};
  const { quant_resi, using_znorm, beta, groups } = notes;
  return { quantResi: quant_resi, usingZnorm: using_znorm, beta, groups };
}

async function spelledPatchNums({ shapes, read }: OfficialState): Promise<readonly number[] | null> {
  return shapes.has('lvl_1L') ? patchNumsOfLevels(await read('lvl_1L')) : null;
}

/** Keys have no bias in VAR; one that is not zero belongs to another model. */
async function checkKeyBiases(state: OfficialState, depth: number): Promise<void> {
  for (let block = 0; block < depth; block++) {
    const name = `blocks.${block}.attn.zero_k_bias`;
    if (!state.shapes.has(name)) continue;
    const values = await state.tensor(name).values();
    if (values.every((value) => value === 0)) continue;
    throw new TesseraError({
      code: 'k-bias',
      who: state.who,
      got: `a ${name} that is not zero`,
      expected: 'keys without a bias, as in VAR',
    });
  }
}

/** The head's two tensors go to its file, all others to the backbone's; of another list of scales, usage is no use. */
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
      .map((name) => ({ ...tokenizer.tensor(name), buffer: name === USAGE_BUFFER })),
  };
}

function transformerTensors(
  { depth, width }: NextScaleConfig,
  { patch_nums }: VqConfig,
  files: readonly Checkpoint[],
): WritableTensor[] {
  const stored = files.flatMap((file) => storedTensors(file));
  const dtype = stored.some((tensor) => tensor.dtype === 'float16') ? 'float16' : 'float32';
  return [...stored, ...derivedTensors({ depth, width, patchNums: patch_nums, dtype })];
}

/** The official file always holds how often codes were used; where nobody counted, it says zero. */
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

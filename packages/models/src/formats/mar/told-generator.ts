import { maskedEncoderDecoder } from '@tessera/backbones';
import type { OfficialState } from '../official-state.ts';
import { agreed, asked, confirming } from '../settings.ts';
import { noteKeys, readNote } from '../state-notes.ts';
import type { ImportHints } from '../weight-format.ts';
import { generatorNotes } from './mar-notes.ts';
import type { Heads, MarStateConfig } from './state-config.ts';

type Backbone = ReturnType<typeof maskedEncoderDecoder.config.parse>;

/** What a MAR generator's file and the request say that its shapes do not. */
export interface ToldGenerator {
  readonly heads: Heads;
  readonly patchSize: number | undefined;
  readonly dropout: number | undefined;
  readonly repeats: number | undefined;
  readonly respacing: string | undefined;
}

/**
 * The request, notes of an export of ours, and settings: `args` of the official trainer's `checkpoint-last.pth` among
 * them.
 * @throws TesseraError weights-mismatch where they disagree
 */
export function toldGenerator(state: OfficialState, hints: ImportHints): ToldGenerator {
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
 * Holds what the shapes of a generator tell against its settings.
 * @throws TesseraError weights-mismatch where they disagree
 */
export function confirmGenerator({ who, settings }: OfficialState, { backbone, head }: MarStateConfig): void {
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
  confirm('epsilon of norms', 1e-6, settings.numbers('norm_eps', 'layer_norm_eps'), 'what Tessera computes with');
}

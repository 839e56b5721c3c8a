import * as tf from '@tensorflow/tfjs';
import type { Tensor2D, Tensor3D } from '@tensorflow/tfjs';
import { rampGuidance, type Guidance, type Kept, type Row } from '@tessera/core';
import { lookUp } from '@tessera/tokenizer-vq';
import { metadataOf, seriesOf, tensorOf, type CaseFile } from '../case-file.ts';
import type { CaseRunner } from '../case-runner.ts';
import { recordedRng } from '../recorded-rng.ts';
import { recordedSample, type RecordedSample } from '../recorded-sample.ts';
import { indexTensor } from '../tensors.ts';
import { openVarParts, type VarParts } from '../var-parts.ts';
import { checkImages, checkSteps } from '../var-step-checks.ts';

/** Arguments of the official inference call. */
interface Call {
  readonly B: number;
  readonly cfg: number;
  readonly top_k: number;
  readonly top_p: number;
  readonly more_smooth: boolean;
}

/** A whole generation, scale by scale, through the sampling loop. */
export const varInferRunner: CaseRunner = {
  kind: 'var.infer',
  async run(file, { checks, engine }) {
    const parts = await openVarParts(file, { engine });
    const call = metadataOf(file, 'call') as Call;
    const recorded = await generate(file, parts, { call, guidance: bothHalves(call.cfg), kept: null });
    await checkSteps({ file, checks, parts, engine }, recorded, null);
    checkImages({ file, checks }, recorded);
    if (call.cfg === 0) {
      // Without guidance the loop skips the null class altogether; the pictures must be the same.
      checkImages({ file, checks }, await generate(file, parts, { call, guidance: rampGuidance(0), kept: null }));
    }
    parts.dispose();
  },
};

/** Zero-shot editing: given tokens stay where the mask says so. */
export const varEditRunner: CaseRunner = {
  kind: 'var.edit',
  async run(file, { checks, engine }) {
    const parts = await openVarParts(file, { engine });
    const call = metadataOf(file, 'call') as Call;
    const kept = keptTokens(file, parts);
    const recorded = await generate(file, parts, { call, guidance: bothHalves(call.cfg), kept });
    await checkSteps({ file, checks, parts, engine }, recorded, kept);
    checkImages({ file, checks }, recorded);
    kept.values_BLC.dispose();
    parts.dispose();
  },
};

/** The ramp, and always both halves of the batch, since cases record the logits of both. */
function bothHalves(cfg: number): Guidance {
  return { ...rampGuidance(cfg), active: true };
}

function generate(
  file: CaseFile,
  parts: VarParts,
  { call, guidance, kept }: { call: Call; guidance: Guidance; kept: Kept | null },
): Promise<RecordedSample> {
  const labels = tensorOf(file, 'in.label').data;
  const rows = Array.from({ length: call.B }, (_, row): Row => {
    const label = labels[row]!;
    return { seed: row, label: label === parts.classes ? -1 : label };
  });
  const place = { starts: parts.tokenizer.layout.scales.map(({ start }) => start), batch: call.B };
  const rng = recordedRng([
    { stream: 'token', steps: seriesOf(file, 'rand.exp'), ...place },
    { stream: 'gumbel', steps: seriesOf(file, 'rand.gumbel_exp'), ...place },
  ]);
  const options = { topK: call.top_k, topP: call.top_p, smooth: call.more_smooth };
  return recordedSample(parts, { rows, guidance, kept, options, rng });
}

/** `in.img_tokens.k` as codebook vectors of all positions, and the mask brought to every scale. */
function keptTokens(file: CaseFile, { tokenizer }: VarParts): Kept {
  const values_BLC = tf.tidy(() => {
    const scales = seriesOf(file, 'in.img_tokens').map((tokens) => indexTensor<Tensor2D>(tokens));
    return lookUp(tokenizer.model.quantizer, tf.concat(scales, 1)) as Tensor3D;
  });
  const mask = Uint8Array.from(tensorOf(file, 'in.edit_mask').data);
  return { values_BLC, keep_L: tokenizer.keepMask(mask) };
}

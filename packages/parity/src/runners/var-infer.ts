import type { Tensor3D } from '@tensorflow/tfjs';
import { rampGuidance, type Guidance, type Kept, type Row } from '@tessera/core';
import { metadataOf, seriesOf, tensorOf, type CaseFile } from '../case-file.ts';
import type { CaseRunner } from '../case-runner.ts';
import { recordedRng, scaleStream } from '../recorded-rng.ts';
import { recordedSample, type RecordedSample } from '../recorded-sample.ts';
import { floatTensor } from '../tensors.ts';
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
    const kept = await keptTokens(file, parts);
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
    ...scaleStream('token', { steps: seriesOf(file, 'rand.exp'), ...place }),
    ...scaleStream('gumbel', { steps: seriesOf(file, 'rand.gumbel_exp'), ...place }),
  ]);
  const head = { topK: call.top_k, topP: call.top_p, smooth: call.more_smooth };
  return recordedSample(parts, { rows, guidance, kept, options: { order: {}, head }, rng });
}

/** `in.img_tokens.k` as codebook vectors of all positions, and the mask brought to every scale. */
async function keptTokens(file: CaseFile, { tokenizer }: VarParts): Promise<Kept> {
  const { codebook_VC } = tokenizer.model.quantizer;
  const codebook = await codebook_VC.data<'float32'>();
  const channels = codebook_VC.shape[1];
  const scales = seriesOf(file, 'in.img_tokens');
  const batch = scales[0]!.shape[0]!;
  const { length } = tokenizer.layout;
  const values = new Float32Array(batch * length * channels);
  let at = 0;
  for (let row = 0; row < batch; row++) {
    for (const { data, shape } of scales) {
      for (const code of data.subarray(row * shape[1]!, (row + 1) * shape[1]!)) {
        values.set(codebook.subarray(code * channels, (code + 1) * channels), at);
        at += channels;
      }
    }
  }
  const mask = Uint8Array.from(tensorOf(file, 'in.edit_mask').data);
  const values_BLC = floatTensor<Tensor3D>({ data: values, shape: [batch, length, channels] });
  return { values_BLC, keep_L: tokenizer.keepMask(mask) };
}

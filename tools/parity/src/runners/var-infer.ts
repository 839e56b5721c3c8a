import type { Tensor2D } from '@tensorflow/tfjs';
import { classOf, rampGuidance, type Guidance, type Kept, type Row } from '@tessera/core';
import type { Engine } from '@tessera/engine';
import { keptTokens } from '@tessera/models';
import { metadataOf, seriesOf, tensorOf, type CaseFile } from '../case-file.ts';
import type { CaseRunner } from '../case-runner.ts';
import { recordedRng, scaleStream } from '../recorded-rng.ts';
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
    const kept = await keptTokensOf(file, parts, engine);
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
    return { seed: row, condition: classOf(label === parts.classes ? -1 : label) };
  });
  const place = { starts: parts.tokenizer.layout.scales.map(({ start }) => start), batch: call.B };
  const rng = recordedRng([
    ...scaleStream('token', { steps: seriesOf(file, 'rand.exp'), ...place }),
    ...scaleStream('gumbel', { steps: seriesOf(file, 'rand.gumbel_exp'), ...place }),
  ]);
  const head = { topK: call.top_k, topP: call.top_p, smooth: call.more_smooth };
  return recordedSample(parts, { rows, guidance, kept, options: { order: {}, head }, rng });
}

/** `in.img_tokens.k` where the mask says so, by the way that a user's picture takes once it is encoded. */
async function keptTokensOf(file: CaseFile, { tokenizer }: VarParts, engine: Engine): Promise<Kept> {
  const scales = seriesOf(file, 'in.img_tokens');
  const batch = scales[0]!.shape[0]!;
  const { length } = tokenizer.layout;
  const index = Array.from({ length: batch }, (_, row) =>
    scales.flatMap(({ data, shape }) => [...data.subarray(row * shape[1]!, (row + 1) * shape[1]!)]),
  );
  const index_BL = indexTensor<Tensor2D>({ data: Int32Array.from(index.flat()), shape: [batch, length] });
  const mask = Uint8Array.from(tensorOf(file, 'in.edit_mask').data);
  const kept = await keptTokens({ index_BL }, { tokenizer, engine, mask, batch });
  index_BL.dispose();
  return kept;
}

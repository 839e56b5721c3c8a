import * as tf from '@tensorflow/tfjs';
import type { Tensor3D } from '@tensorflow/tfjs';
import type { Step } from '@tessera/core';
import type { Engine } from '@tessera/engine';
import { keptTimesteps } from '@tessera/head-diffusion';
import { decodeLatent, fromTokens } from '@tessera/tokenizer-continuous';
import { toChannelsFirst } from './axes.ts';
import { tensorOf, type CaseFile } from './case-file.ts';
import type { Checks } from './checks.ts';
import type { Computed } from './comparison.ts';
import type { MarParts } from './mar-parts.ts';
import type { RecordedSample, RecordedStep } from './recorded-sample.ts';
import { floatTensor } from './tensors.ts';
import { chain, exact, linearStack, wholeImage, type Tolerance } from './tolerance.ts';

export interface SetChecks {
  readonly file: CaseFile;
  readonly checks: Checks;
  readonly engine: Engine;
  readonly parts: MarParts;
  /** Every iteration; the loop leaves the empty ones out. */
  readonly plan: readonly Step[];
}

/** Compares everything a generation read, thought and drew in each iteration. */
export async function checkSets(context: SetChecks, { steps }: RecordedSample): Promise<void> {
  const { file, checks, plan } = context;
  const timesteps = tensorOf(file, 'in.timestep_map');
  const timestepMap = keptTimesteps(context.parts.sizes.respacing);
  checks.check('in.timestep_map', { data: timestepMap, shape: timesteps.shape }, exact);
  for (const { index } of plan) {
    // An empty iteration reads what the next full one reads; the last one is never empty.
    const next = steps.slice(index).find((record) => record !== undefined)!;
    const known = next.known!;
    checks.check(`out.mask_in.${index}`, { ...known, data: Array.from(known.data, (one) => 1 - one) }, exact);
    checkClose(context, `out.tokens_in.${index}`, next.values!);
    checkDrawn(context, index, steps[index] ?? null);
  }
}

/** Hidden states and tokens of one iteration; null for one that predicts nothing. */
function checkDrawn(context: SetChecks, index: number, record: RecordedStep | null): void {
  const { file, parts } = context;
  const { channels } = parts.sizes;
  const flat = ({ data, shape }: Computed): Computed => ({ data, shape: [shape[0]! * shape[1]!, shape[2]!] });
  const none = (width: number): Computed => ({ data: [], shape: [0, width] });
  checkClose(context, `out.z_pred.${index}`, record ? flat(record.hidden) : none(parts.backbone.width));
  checkClose(context, `out.latents.${index}`, record ? flat(record.drawn) : none(channels));
  const everywhere = `out.decoder_z.${index}`;
  if (file.tensors.has(everywhere) && record?.everywhere) checkClose(context, everywhere, record.everywhere);
}

/** The first iteration's hidden states come of layers alone, all else of chains of denoising steps. */
function checkClose({ file, checks }: SetChecks, name: string, computed: Computed): void {
  const first = /^out\.(z_pred|decoder_z)\.0$/.test(name);
  const tolerance: Tolerance = first ? linearStack : chain(tensorOf(file, name).data);
  checks.check(name, computed, tolerance);
}

/** Tokens at the end, as latents, and pictures where the case has them. */
export async function checkImages(context: SetChecks, { steps, images }: RecordedSample): Promise<void> {
  const { file, checks, engine, parts } = context;
  const { tokenizer, sizes } = parts;
  const tokens_BLC = floatTensor<Tensor3D>(finalTokens(steps));
  const program = engine.compile(
    (tokens: Tensor3D) => {
      const latent = fromTokens(tokens, sizes.patch);
      return { latent, image: decodeLatent(tokenizer.model, tf.div(latent, sizes.latentScale)) };
    },
    { name: 'parity.mar-image' },
  );
  const { latent, image } = await program(tokens_BLC);
  const latents = { data: await latent.data<'float32'>(), shape: latent.shape };
  checks.check('out.tokens', toChannelsFirst(latents), chain(tensorOf(file, 'out.tokens').data));
  if (checks.has('out.img')) {
    const expected = tensorOf(file, 'out.img');
    const picture = { data: await image.data<'float32'>(), shape: image.shape };
    checks.check('out.img', toChannelsFirst(picture), wholeImage);
    const { height, width, channels } = images[0]!;
    const rendered = { data: images.flatMap(({ data }) => [...data]), shape: [images.length, height, width, channels] };
    const inRange = Float32Array.from(expected.data, (value) => Math.min(1, Math.max(0, (value + 1) / 2)));
    const view = { expected: { data: inRange, shape: expected.shape }, computed: toChannelsFirst(rendered) };
    checks.checkView('out.img', view, wholeImage);
  }
  tf.dispose([tokens_BLC, latent, image]);
  program.dispose();
}

/** What the last iteration read, and what it drew besides. */
function finalTokens(steps: readonly RecordedStep[]): Computed {
  const { step, values, drawn } = steps.at(-1)!;
  const [batch, length, channels] = values!.shape as [number, number, number];
  const data = Float32Array.from(values!.data);
  const drawnData = Float32Array.from(drawn.data);
  for (const [i, position] of step.positions_Bl.entries()) {
    const row = Math.floor((i * batch) / step.positions_Bl.length);
    data.set(drawnData.subarray(i * channels, (i + 1) * channels), (row * length + position) * channels);
  }
  return { data, shape: values!.shape };
}

import * as tf from '@tensorflow/tfjs';
import type { Tensor4D } from '@tensorflow/tfjs';
import { nn } from '@tessera/engine';
import { toChannelsFirst } from '../axes.ts';
import { metadataOf, tensorOf, type CaseFile } from '../case-file.ts';
import type { CaseRunner } from '../case-runner.ts';
import { gradient, interpolation } from '../tolerance.ts';
import { imageTensor } from '../tensors.ts';

interface ResizeCase {
  readonly i: number;
  readonly mode: 'bicubic' | 'area' | 'bilinear' | 'nearest';
  readonly out: readonly [number, number];
}

/** Resizing as torch's F.interpolate does it. */
export const interpRunner: CaseRunner = {
  kind: 'interp',
  async run(file, { checks, engine }) {
    for (const { i, mode, out } of casesOf(file)) {
      const program = engine.compile((x_BHWC: Tensor4D) => nn.resize(x_BHWC, out[0], out[1], mode), {
        name: `parity.${mode}`,
      });
      const x_BHWC = imageTensor(tensorOf(file, `in.${i}`));
      const how = { tolerance: interpolation, channelsFirst: true };
      await checks.checkTensor(`out.${i}`, await program(x_BHWC), how);
      x_BHWC.dispose();
      program.dispose();
    }
  },
};

/** Gradients of resizing: of sum(resize(x) * w). */
export const interpGradRunner: CaseRunner = {
  kind: 'interp.grad',
  async run(file, { checks, engine }) {
    for (const { i, mode, out } of casesOf(file)) {
      const weighted = (x_BHWC: Tensor4D, w_BHWC: Tensor4D) =>
        tf.sum(tf.mul(nn.resize(x_BHWC, out[0], out[1], mode), w_BHWC));
      const program = engine.compile(
        (x_BHWC: Tensor4D, w_BHWC: Tensor4D) => tf.grad((x) => weighted(x as Tensor4D, w_BHWC))(x_BHWC),
        { name: `parity.${mode}-gradient` },
      );
      const given = [imageTensor(tensorOf(file, `in.${i}`)), imageTensor(tensorOf(file, `in.w.${i}`))] as const;
      const computed = await program(...given);
      const read = toChannelsFirst({ data: await computed.data<'float32'>(), shape: computed.shape });
      checks.check(`grad.${i}`, read, gradient(tensorOf(file, `grad.${i}`).data, 'linear'));
      tf.dispose([...given, computed]);
      program.dispose();
    }
  },
};

function casesOf(file: CaseFile): readonly ResizeCase[] {
  return metadataOf(file, 'cases') as readonly ResizeCase[];
}

import * as tf from '@tensorflow/tfjs';
import type { Tensor4D } from '@tensorflow/tfjs';
import { nn } from '@tessera/engine';
import { drawIndex, filterLogits } from '@tessera/head-categorical';
import { diffusionTables, type DiffusionTables, keptTimesteps } from '@tessera/head-diffusion';
import { type CaseFile, metadataOf, tensorOf } from '../case-file.ts';
import type { CaseRunner } from '../comparison.ts';
import { imageTensor, softmax, toChannelsFirst } from '../case-tensors.ts';
import { exact, gradient, interpolation, linearStack, table } from '../tolerance.ts';

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

interface Combination {
  readonly i: number;
  readonly top_k: number;
  readonly top_p: number;
}

/** Top-k, then top-p, then one draw per token by an exponential race. */
export const filterRunner: CaseRunner = {
  kind: 'filter',
  async run(file, { checks }) {
    const { data, shape } = tensorOf(file, 'in.logits');
    const vocabulary = shape.at(-1)!;
    const exponential = Float32Array.from(tensorOf(file, 'rand.exp').data);
    const scratch = new Float32Array(vocabulary);
    for (const { i, top_k: topK, top_p: topP } of metadataOf(file, 'combos') as readonly Combination[]) {
      const filtered = Float32Array.from(data);
      const probs = new Float32Array(data.length);
      const index: number[] = [];
      for (let start = 0; start < data.length; start += vocabulary) {
        const logits_V = filtered.subarray(start, start + vocabulary);
        filterLogits(logits_V, { topK, topP }, scratch);
        probs.set(softmax(logits_V), start);
        index.push(drawIndex(logits_V, exponential.subarray(start, start + vocabulary)));
      }
      const kept = filtered.map((logit) => (logit === -Infinity ? 0 : 1));
      checks.check(`out.filtered.${i}`, { data: filtered, shape }, exact);
      checks.check(`out.kept.${i}`, { data: kept, shape }, exact);
      checks.check(`out.probs.${i}`, { data: probs, shape }, linearStack);
      checks.check(`out.idx.${i}`, { data: index, shape: shape.slice(0, -1) }, exact);
    }
  },
};

/** How case files call the chain of training. */
const TRAINED = /^train\d+$/;

/** `posterior_mean_coef1` of a case file is our `posteriorMeanCoef1`. */
const ownName = (name: string) => name.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase());

/** Noise schedules and their respacings, in float64. */
export const diffusionTablesRunner: CaseRunner = {
  kind: 'diffusion.tables',
  expects: () => true,
  async run(file, { checks }) {
    const chains = new Map<string, DiffusionTables>();
    for (const name of file.tensors.keys()) {
      const dot = name.lastIndexOf('.');
      const [chain, column] = [name.slice(0, dot), ownName(name.slice(dot + 1))];
      const tables = chains.get(chain) ?? diffusionTables(keptTimesteps(TRAINED.test(chain) ? '' : chain));
      chains.set(chain, tables);
      if (!Object.hasOwn(tables, column)) continue;
      const data = tables[column as keyof DiffusionTables];
      checks.check(name, { data, shape: [data.length] }, column === 'timestepMap' ? exact : table);
    }
  },
};

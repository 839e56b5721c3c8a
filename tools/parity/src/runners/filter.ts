import { drawIndex, filterLogits } from '@tessera/head-categorical';
import { metadataOf, tensorOf } from '../case-file.ts';
import type { CaseRunner } from '../case-runner.ts';
import { exact, linearStack } from '../tolerance.ts';
import { softmax } from '../softmax.ts';

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

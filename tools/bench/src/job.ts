/** One piece of work, done alike by our side and PyTorch's. */
export interface Job {
  /** What is measured, for people. */
  readonly title: string;
  /** What an engine would choose its target for. */
  readonly kind: 'inference' | 'training';
  /** File names without their ending: `sides/NAME.ts` and `torch/NAME.py`. */
  readonly name: { readonly ours: string; readonly torch: string };
  readonly ours: object;
  readonly torch: object;
  /** False where the sides warm up by themselves. */
  readonly warmUp?: boolean;
}

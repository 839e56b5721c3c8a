import { existsSync } from 'node:fs';
import { checkpointPath, type Batch } from '../stage/stage.ts';
import { stagesOf } from './planned-stages.ts';
import { lossCost } from './recipe-facts.ts';

/**
 * Traces the loss of each stage that has not begun, before any of them is trained: what a later stage cannot compute is said
 * now, not after hours. The first stage is left out, as its first step says it. Nothing is computed but one encoding.
 * @throws TesseraError those of the parts
 */
export async function checkStages(
  request: Parameters<typeof stagesOf>[0],
  { out, ...opened }: Parameters<typeof stagesOf>[1] & { readonly out: string },
): Promise<void> {
  for (const { stage, training } of stagesOf(request, opened).slice(1)) {
    const planned = await stage();
    try {
      if (existsSync(checkpointPath(out, planned.name))) continue;
      const batches = await planned.batches(training.steps - 1);
      lossCost(planned, batches[0]!);
      disposeBatches(batches);
    } finally {
      planned.dispose();
    }
  }
}

function disposeBatches(batches: readonly Batch[]): void {
  for (const batch of batches) for (const tensor of Object.values(batch)) tensor.dispose();
}

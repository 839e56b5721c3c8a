import type { FeatureNetwork, JudgeNetwork } from '@tessera/features';
import { evaluateReconstruction, openTokenizer, type ReconstructionFigures } from '@tessera/training';
import type { ModelSession } from './model-session.ts';

const SEED = 1;

/** How well the model's tokenizer reconstructs test images; null without test images or a judge. */
export async function reconstructionOf(
  { opened, session, plugins }: Pick<ModelSession, 'opened' | 'session' | 'plugins'>,
  { folder, images }: { readonly folder: string; readonly images: number },
): Promise<ReconstructionFigures | null> {
  const { engine, network } = session;
  if (!opened.data || opened.data.test.count < 2 || !isJudge(network)) return null;
  const tokenizer = await openTokenizer(folder, { engine, plugins });
  try {
    const request = { engine, tokenizer, judge: network, data: opened.data };
    return await evaluateReconstruction(request, { images, seed: SEED });
  } finally {
    tokenizer.dispose();
  }
}

/** Whether a network is a judge, which knows the classes of its data. */
export function isJudge(network: FeatureNetwork): network is JudgeNetwork {
  return 'config' in network;
}

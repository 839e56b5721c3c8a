import { codesIn } from './book.ts';
import { drawKinds, type Drawn, type TrainedHead } from './trained-head.ts';

/** By how many nats the mean surprise may differ from the mean entropy: over 1536 tokens it strays by a sixth of that. */
const APART = 0.15;
const ROUNDING = 1e-3;

/** What a head says of its distributions that cannot be, or null. One that describes nothing is not asked. */
export async function misdescribed(trained: TrainedHead): Promise<string | null> {
  for (const guided of [false, true]) {
    const drawn = await drawKinds(trained, { guided, weight: guided ? 1.5 : 1, described: true });
    const wrong = drawn.described && wrongIn(drawn, codesIn(trained.space) > 0);
    if (wrong) return guided ? `${wrong}, with guidance` : wrong;
  }
  return null;
}

function wrongIn({ described, index }: Drawn, isCodes: boolean): string | null {
  const { logProbability_Bl, entropy_Bl, likeliest } = described!;
  if (isCodes) {
    const above = logProbability_Bl.find((one) => !(one <= ROUNDING));
    if (above !== undefined) return `a logProbability_Bl of ${show(above)} of describe(), which is above 0`;
  }
  const surprise = -meanOf(logProbability_Bl);
  const entropy = meanOf(entropy_Bl);
  if (!(Math.abs(surprise - entropy) <= APART))
    return `a mean of -logProbability_Bl of ${show(surprise)} and one of entropy_Bl of ${show(entropy)} of describe(): over many tokens they are the same, in nats`;
  if (!likeliest) return null;
  const { code_BlK, probability_BlK } = likeliest;
  const K = code_BlK.length / logProbability_Bl.length;
  for (const [token, told] of logProbability_Bl.entries()) {
    const own = probability_BlK.subarray(token * K, (token + 1) * K);
    if (own.some((one, k) => !(one >= 0) || (k > 0 && one > own[k - 1]! + ROUNDING)))
      return 'a probability_BlK of describe() that is below 0 or not likeliest first';
    if (own.reduce((sum, one) => sum + one, 0) > 1 + ROUNDING)
      return 'a probability_BlK of describe() of more than 1 together';
    const place = index ? code_BlK.subarray(token * K, (token + 1) * K).indexOf(index[token]!) : -1;
    if (place >= 0 && !(Math.abs(own[place]! - Math.exp(told)) <= ROUNDING))
      return `a drawn token of probability ${show(own[place]!)} in probability_BlK and ${show(Math.exp(told))} in logProbability_Bl of describe()`;
  }
  return null;
}

const meanOf = (values: Float32Array): number => values.reduce((sum, one) => sum + one, 0) / values.length;
const show = (value: number): string => String(Number(value.toPrecision(2)));

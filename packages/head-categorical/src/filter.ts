/** How many codes may be drawn; 0 for no limit. */
export interface Filter {
  /** The k largest logits stay, with all that tie with the smallest of them. */
  readonly topK: number;
  /** The fewest likely tokens whose probabilities exceed this together stay (Holtzman et al. 2020). */
  readonly topP: number;
}

/**
 * Sets the logits of removed codes to -Infinity, in place: top-k first, then top-p on the softmax of what is left. As in
 * the official sampling of VAR: in ascending order, codes are removed while their probabilities add up to at most
 * 1 - topP; the likeliest is never removed. Codes of equal logit are removed in the order of their index.
 * @param logits_V one token's
 * @param scratch_V at least as long; overwritten
 */
export function filterLogits(logits_V: Float32Array, { topK, topP }: Filter, scratch_V: Float32Array): void {
  if (topK > 0 && topK < logits_V.length) keepTopK(logits_V, topK, scratch_V);
  if (topP > 0) keepTopP(logits_V, topP, scratch_V);
}

function keepTopK(logits_V: Float32Array, topK: number, scratch_V: Float32Array): void {
  scratch_V.set(logits_V);
  const smallest = selectLargest(scratch_V, topK, logits_V.length);
  for (let v = 0; v < logits_V.length; v++) if (logits_V[v]! < smallest) logits_V[v] = -Infinity;
}

/** The k-th largest of the first `count` values, by Hoare's quickselect; reorders them. */
function selectLargest(values: Float32Array, k: number, count: number): number {
  const target = k - 1;
  let low = 0;
  let high = count - 1;
  while (low < high) {
    const pivot = values[(low + high) >>> 1]!;
    let i = low;
    let j = high;
    while (i <= j) {
      while (values[i]! > pivot) i++;
      while (values[j]! < pivot) j--;
      if (i > j) break;
      const swapped = values[i]!;
      values[i++] = values[j]!;
      values[j--] = swapped;
    }
    if (target <= j) high = j;
    else if (target >= i) low = i;
    else break;
  }
  return values[target]!;
}

function keepTopP(logits_V: Float32Array, topP: number, scratch_V: Float32Array): void {
  const largest = largestOf(logits_V);
  let total = 0;
  let count = 0;
  for (let v = 0; v < logits_V.length; v++) {
    const logit = logits_V[v]!;
    if (logit === -Infinity) continue;
    scratch_V[count++] = logit;
    total += Math.exp(logit - largest);
  }
  const { threshold, ties } = findThreshold({ logits: scratch_V, count, largest, limit: (1 - topP) * total });
  let removable = ties;
  for (let v = 0; v < logits_V.length; v++) {
    const logit = logits_V[v]!;
    if (logit < threshold || (logit === threshold && removable-- > 0)) logits_V[v] = -Infinity;
  }
}

interface Ascent {
  /** The first `count` are used, and reordered. */
  readonly logits: Float32Array;
  readonly count: number;
  readonly largest: number;
  /** Codes are removed, from the unlikeliest up, while their masses exp(logit - largest) add up to at most this. */
  readonly limit: number;
}

/** The logit at which removal ends, and how many codes of exactly this logit still go: a quickselect by mass. */
function findThreshold({ logits, count, largest, limit }: Ascent): { threshold: number; ties: number } {
  let low = 0;
  let high = count;
  let below = 0;
  while (low < high) {
    const pivot = logits[(low + high) >>> 1]!;
    const mass = Math.exp(pivot - largest);
    let equal = low;
    let after = high;
    let less = below;
    for (let i = low; i < after;) {
      const logit = logits[i]!;
      if (logit > pivot) {
        logits[i] = logits[--after]!;
        logits[after] = logit;
      } else {
        if (logit < pivot) {
          less += Math.exp(logit - largest);
          logits[i] = logits[equal]!;
          logits[equal++] = logit;
        }
        i++;
      }
    }
    if (less > limit) {
      high = equal;
    } else if (less + (after - equal) * mass > limit) {
      return { threshold: pivot, ties: Math.floor((limit - less) / mass) };
    } else {
      below = less + (after - equal) * mass;
      low = after;
      if (low === count) return { threshold: pivot, ties: after - equal - 1 };
    }
  }
  return { threshold: logits[low]!, ties: 0 };
}

/** The largest value; -Infinity where there is none. */
export function largestOf(values: Float32Array): number {
  let largest = -Infinity;
  for (let i = 0; i < values.length; i++) if (values[i]! > largest) largest = values[i]!;
  return largest;
}

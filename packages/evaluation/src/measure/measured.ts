import { type Engine, keyedRng } from '@tessera/engine';
import type { FeatureNetwork, FeatureResults } from '@tessera/features';
import type { ImageSource } from '../images/image-source.ts';

/** What a network finds in a set of images. The images are in random order, which the count alone decides. */
export interface Measured {
  readonly count: number;
  /** `[N, D]` row-major. */
  readonly features_ND: Float32Array;
  readonly dims: number;
  /** `[N, K]`, each row with the sum 1; null for a network without classes. */
  readonly probabilities_NK: Float32Array | null;
  /** The most likely class of each image; null for a network without classes. */
  readonly found_N: Int32Array | null;
  /** The class that each image should show; null where none is known. */
  readonly expected_N: Int32Array | null;
  /** Features that keep their places; null if the network has none. */
  readonly spatial_ND: Float32Array | null;
}

/** Images that run through the network before the next ones are read. */
const CHUNK = 500;

/** Runs all images of a source through a network. `seen` is called with the number of images so far. */
export async function measure(
  { engine, network }: { readonly engine: Engine; readonly network: FeatureNetwork },
  source: ImageSource,
  seen: (images: number) => void = () => {},
): Promise<Measured> {
  const program = network.open(engine, source.image);
  const parts: FeatureResults[] = [];
  let images = 0;
  try {
    for await (const bytes of source.batches(CHUNK)) {
      const part = await program.run(Float32Array.from(bytes, (byte) => byte / 255));
      parts.push(part);
      seen((images += part.features_ND.length / part.dims));
    }
  } finally {
    program.dispose();
  }
  const found: Measured = {
    count: source.count,
    dims: network.dims,
    features_ND: joined(parts.map(({ features_ND }) => features_ND))!,
    probabilities_NK: joined(parts.map(({ probabilities_NK }) => probabilities_NK)),
    found_N: joinedLabels(parts.map(({ label_N }) => label_N)),
    expected_N: source.label_N,
    spatial_ND: joined(parts.map(({ spatial_ND }) => spatial_ND)),
  };
  return rowsOf(found, shuffled(source.count));
}

function joined(parts: readonly (Float32Array | null)[]): Float32Array | null {
  if (!parts.every((part) => part !== null)) return null;
  const all = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

function joinedLabels(parts: readonly (Int32Array | null)[]): Int32Array | null {
  return parts.every((part) => part !== null) ? Int32Array.from(parts.flatMap((part) => [...part])) : null;
}

/** Some images of a measured set, in this order. */
export function rowsOf(measured: Measured, rows: Int32Array): Measured {
  const { count, dims, features_ND, probabilities_NK, found_N, expected_N, spatial_ND } = measured;
  const take = (values: Float32Array | null): Float32Array | null => {
    if (!values) return null;
    const columns = values.length / count;
    const out = new Float32Array(rows.length * columns);
    for (const [to, row] of rows.entries()) out.set(values.subarray(row * columns, (row + 1) * columns), to * columns);
    return out;
  };
  return {
    count: rows.length,
    dims,
    features_ND: take(features_ND)!,
    probabilities_NK: take(probabilities_NK),
    found_N: found_N && rows.map((row) => found_N[row]!),
    expected_N: expected_N && rows.map((row) => expected_N[row]!),
    spatial_ND: take(spatial_ND),
  };
}

/** The first images, or all if there are fewer. */
export function firstRows(measured: Measured, count: number): Measured {
  if (count >= measured.count) return measured;
  return rowsOf(
    measured,
    Int32Array.from({ length: count }, (_, i) => i),
  );
}

/** 0 to count - 1 in random order, always the same (Fisher-Yates). */
function shuffled(count: number): Int32Array {
  const order = Int32Array.from({ length: count }, (_, i) => i);
  const draw = keyedRng([0]).uniform({ row: 0, stream: 'evaluation', step: 0, position: 0 }, count);
  for (let last = count - 1; last > 0; last--) {
    const other = Math.min(last, Math.floor(draw[last]! * (last + 1)));
    [order[last], order[other]] = [order[other]!, order[last]!];
  }
  return order;
}

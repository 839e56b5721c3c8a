import { TesseraError } from '@tessera/errors';
import type { FeatureNetwork, FeatureNetworkPlugin, FeatureResults } from '@tessera/core';
import { countOf } from './traced-program.ts';

/**
 * Checks what a third-party network is and gives: figures of wrong features would be wrong without a word.
 * @throws TesseraError `part-shape`; its programs throw `part-shape` and `part-numbers`
 */
export function guardNetwork({ name, dims }: FeatureNetworkPlugin, network: FeatureNetwork): FeatureNetwork {
  if (typeof network !== 'object' || network === null)
    throw wrong(name, `open() that gives ${typeof network}`, 'a network');
  if (network.name !== name) throw wrong(name, `a network named ${JSON.stringify(network.name)}`, 'its own name');
  if (network.dims !== dims)
    throw wrong(name, `a network of ${network.dims} features`, `${dims}, as it says of itself`);
  if (!/^[0-9a-f]{64}$/.test(network.sha256)) {
    throw wrong(name, `sha256 = ${JSON.stringify(network.sha256)}`, 'the 64 hexadecimal digits of its weights');
  }
  const guarded: FeatureNetwork = {
    ...network,
    open(engine, image) {
      const program = network.open(engine, image);
      return {
        run: async (pixels) => checked(await program.run(pixels), { name, dims, count: countOf(pixels, image) }),
        dispose: () => program.dispose(),
      };
    },
  };
  thirdParty.add(guarded);
  return guarded;
}

const thirdParty = new WeakSet<FeatureNetwork>();

/** Whether a network comes from a plug-in: its code may change while its weights stay. */
export function isThirdParty(network: FeatureNetwork): boolean {
  return thirdParty.has(network);
}

interface Expected {
  readonly name: string;
  readonly dims: number;
  readonly count: number;
}

function checked(found: FeatureResults, { name, dims, count }: Expected): FeatureResults {
  const { features_ND, probabilities_NK, label_N } = found;
  if (features_ND?.length !== count * dims) {
    throw wrong(name, `${features_ND?.length} numbers as features of ${count} images`, `${count * dims}`);
  }
  if (!features_ND.every(Number.isFinite)) {
    throw new TesseraError({ code: 'part-numbers', who: name, got: 'features with NaN', expected: 'finite numbers' });
  }
  const isWhole = probabilities_NK ? probabilities_NK.length % count === 0 && label_N?.length === count : !label_N;
  if (!isWhole)
    throw wrong(name, 'probabilities and labels of other sizes', `both for each of ${count} images, or none`);
  return found;
}

function wrong(who: string, got: string, expected: string): TesseraError {
  return new TesseraError({ code: 'part-shape', who, got, expected, next: 'Report it to the author of the network.' });
}

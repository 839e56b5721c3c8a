import { basename } from 'node:path';
import { type Checkpoint, openCheckpoint } from '@tessera/checkpoints';
import type { FeatureNetwork, Weights } from '@tessera/core';
import { TesseraError } from '@tessera/errors';
import { checkpointWeights } from '@tessera/models';
import { fileSha256 } from '@tessera/node-kit';
import { efficientNetLite0 } from '../efficientnet/efficientnet-network.ts';
import { inceptionNetwork } from '../inception/inception-network.ts';
import { openInception } from '../inception/inception.ts';
import { lpipsNetworks } from '../lpips/lpips-networks.ts';

/*
 * Weights of a known architecture in a file of the user: a PyTorch state dict or safetensors. The names of its tensors say
 * which architecture it is.
 */

interface Opened {
  readonly weights: Weights;
  readonly sha256: string;
  readonly path: string;
  readonly release: () => void;
}

interface Architecture {
  readonly name: string;
  /** A tensor that only this architecture has, and its shape. */
  readonly mark: readonly [name: string, shape: readonly number[]];
  build(opened: Opened): FeatureNetwork;
}

const ofUser = { licence: 'unknown (a file of yours)' };

const architectures: readonly Architecture[] = [
  { name: 'Inception v3 of FID', mark: ['fc.weight', [1008, 2048]], build: inception },
  {
    name: 'EfficientNet-lite0',
    mark: ['_conv_head.weight', [1280, 320, 1, 1]],
    build: ({ weights, sha256, path, release }) => ({
      ...efficientNetLite0.build(weights, release),
      ...ofUser,
      name: `efficientnet-lite0 (${basename(path)})`,
      sha256,
    }),
  },
  ...lpipsNetworks.map((network): Architecture => ({
    name: network.name,
    mark:
      network.name === 'lpips-vgg16'
        ? ['features.28.weight', [512, 512, 3, 3]]
        : ['features.0.weight', [64, 3, 11, 11]],
    build: ({ weights, sha256, path, release }) => ({
      ...network.build(weights, release),
      ...ofUser,
      name: `${network.name} (${basename(path)})`,
      sha256,
    }),
  })),
];

/** Opens weights of a known architecture. @throws TesseraError `features-unknown`, and those of weight files */
export async function openStateDict(path: string): Promise<FeatureNetwork> {
  const file = withoutCounters(await openCheckpoint(path));
  try {
    const found = architectures.find(
      ({ mark: [name, shape] }) => String(file.tensors.get(name)?.shape) === String(shape),
    );
    if (!found) throw unknownArchitecture(file);
    const weights = await checkpointWeights(file);
    const built = found.build({ weights, path, sha256: await fileSha256(path), release: () => weights.dispose() });
    weights.finish();
    return built;
  } finally {
    await file.close();
  }
}

/** Without the counters of batches, which only training reads. */
function withoutCounters(file: Checkpoint): Checkpoint {
  const kept = [...file.tensors].filter(([name]) => !name.endsWith('.num_batches_tracked'));
  return { ...file, tensors: new Map(kept) };
}

function unknownArchitecture({ path, tensors }: Checkpoint): TesseraError {
  const names = [...tensors.keys()];
  return new TesseraError({
    code: 'features-unknown',
    who: path,
    got: `tensors named ${names.slice(0, 3).join(', ')}${names.length > 3 ? ', ...' : ''}`,
    expected: `a state dict of ${architectures.map(({ name }) => name).join(', ')}`,
    next: 'Export another network as ONNX.',
  });
}

/** How the name of pytorch-fid's file gives its SHA-256: its first digits. */
const FID_SHA256 = '6726825d';

/**
 * The Inception network on given weights. Only with the weights that FID is defined by (pytorch-fid's port of TensorFlow's,
 * known by their hash) its name is `inception-fid`.
 */
function inception({ weights, sha256, path, release }: Opened): FeatureNetwork {
  const isOfFid = sha256.startsWith(FID_SHA256);
  return inceptionNetwork(openInception(weights), {
    name: isOfFid ? 'inception-fid' : `inception-v3 (${basename(path)})`,
    sha256,
    licence: isOfFid ? 'Apache-2.0 (pytorch-fid and TensorFlow)' : ofUser.licence,
    dispose: release,
  });
}

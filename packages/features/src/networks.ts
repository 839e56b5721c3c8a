import { TesseraError } from '@tessera/errors';
import { fileWeights } from '@tessera/models';
import { nearestName } from '@tessera/schema';
import { efficientNetLite0 } from './efficientnet/efficientnet-network.ts';
import type { FeatureNetwork, TraceableNetwork } from './feature-network.ts';
import { openOnnxNetwork } from './files/onnx-network.ts';
import { openStateDict } from './files/state-dict-network.ts';
import { openShippedJudge, shippedJudges } from './judge/judge-network.ts';
import { lpipsNetworks } from './lpips/lpips-networks.ts';
import { type KeepOptions, keptWeights } from './published/kept-weights.ts';
import type { PublishedNetwork } from './published/published-network.ts';

/** Networks whose weights are fetched when they are first used. */
export const publishedNetworks: readonly PublishedNetwork[] = [...lpipsNetworks, efficientNetLite0];

/**
 * Opens a network as recipes and the command line name it: by its name, or by the path of a file (ONNX, PyTorch,
 * safetensors). The caller disposes it.
 * @throws TesseraError `features-unknown`, `download-failed`, `checksum-mismatch`, and those of judges and of files
 */
export async function openFeatureNetwork(name: string, options: KeepOptions = {}): Promise<FeatureNetwork> {
  if (/\.onnx$/i.test(name)) return openOnnxNetwork(name);
  if (/\.(pth?|ckpt|safetensors)$/i.test(name)) return openStateDict(name);
  const published = publishedNetworks.find((one) => one.name === name);
  if (published) return openPublished(published, options);
  const judges = await shippedJudges();
  if (judges.includes(name)) return openShippedJudge(name);
  const known = [...judges, ...publishedNetworks.map((one) => one.name)];
  const near = nearestName(name, known);
  throw new TesseraError({
    code: 'features-unknown',
    who: 'features',
    got: `the feature network ${JSON.stringify(name)}`,
    expected: `${known.join(', ')}, or a file (.onnx, .pth, .safetensors)`,
    ...(near !== null && { next: `Did you mean ${near}?` }),
  });
}

/** Opens a network that a training step can look through. @throws TesseraError also `features-not-traceable` */
export async function openTraceableNetwork(name: string, options: KeepOptions = {}): Promise<TraceableNetwork> {
  const network = await openFeatureNetwork(name, options);
  if (isTraceable(network)) return network;
  network.dispose();
  throw new TesseraError({
    code: 'features-not-traceable',
    who: name,
    got: 'a network without feature maps for a loss',
    expected: 'a judge, or LPIPS: lpips-vgg16, lpips-alexnet',
  });
}

function isTraceable(network: FeatureNetwork): network is TraceableNetwork {
  return 'maps' in network;
}

async function openPublished(network: PublishedNetwork, options: KeepOptions): Promise<FeatureNetwork> {
  const weights = await fileWeights(await keptWeights(network, options));
  const built = network.build(weights, () => weights.dispose());
  weights.finish();
  return built;
}

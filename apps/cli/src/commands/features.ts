import { choice, flag, given, integer, text, type Arguments } from '@tessera/command-line';
import { TesseraError } from '@tessera/errors';
import {
  measure,
  openNpzImages,
  referenceOf,
  sizeWords,
  writeStatistics,
  type ImageSource,
  type StatisticsFacts,
} from '@tessera/evaluation';
import { listFeatureNetworks, type FeatureNetwork, type NetworkListing } from '@tessera/features';
import { createEngine } from '@tessera/targets';
import { openData, readRecipe, splitSource } from '@tessera/training';
import { engineOptions, readEngineOptions } from '../common-options.ts';
import { openFolderImages } from '../evaluation/folder-images.ts';
import { openNamedNetwork } from '../evaluation/named-network.ts';
import { isJudge } from '../evaluation/reconstruction.ts';
import { namedReference } from '../evaluation/subject.ts';
import { projectPlugins } from '../project.ts';
import type { Terminal } from '../terminal.ts';
import type { Command } from '../command.ts';

const options = {
  data: text({
    value: 'WHAT',
    help: 'compute statistics of these: a recipe, a folder of pictures, or an npz file of images',
  }),
  split: choice({ value: 'NAME', of: ['train', 'validation', 'test'], help: 'images of a recipe (default: train)' }),
  count: integer({
    value: 'N',
    from: 2,
    to: 1e9,
    help: 'at most so many images of a recipe, chosen at random (default: all)',
  }),
  size: integer({ value: 'N', from: 1, to: 8192, help: 'scale the pictures of a folder to N x N pixels' }),
  out: text({ value: 'FILE.npz', help: 'where the statistics go: mu and sigma, as other evaluators read them' }),
  json: flag('print one JSON object'),
  ...engineOptions,
} as const;

type Values = Arguments<typeof options>['values'];

export const features: Command<typeof options> = {
  positionals: { usage: '[NAME|FILE]', least: 0, most: 1 },
  options,
  examples: [
    'tessera features',
    'tessera features mnist-32 --data recipes/digits-var.json --split test --out out/digits.npz',
    'tessera features pt_inception-2015-12-05-6726825d.pth --data my-pictures --out out/pictures.npz',
  ],
  run,
};

async function run({ positionals: [name], values }: Arguments<typeof options>, terminal: Terminal): Promise<number> {
  const { data, out, json, split, count, size } = values;
  if (name === undefined || (data === undefined && out === undefined)) {
    for (const option of Object.keys(given({ data, out, split, count, size }))) {
      throw contradiction(`--${option} without ${name === undefined ? 'a network' : '--data and --out'}`, 'all three');
    }
    return show(name, json, terminal);
  }
  if (data === undefined || out === undefined) throw contradiction('--data or --out alone', 'both');
  const facts = await computeStatistics({ ...values, name, data, out }, terminal);
  if (json) terminal.out(JSON.stringify({ out, ...facts }));
  else
    terminal.out(
      `${facts.images} images of ${sizeWords(facts.image)} by ${facts.network} ${facts.sha256.slice(0, 12)}: ${out}`,
    );
  return 0;
}

function contradiction(got: string, expected: string): TesseraError {
  return new TesseraError({ code: 'option', who: 'tessera features', got, expected });
}

async function show(name: string | undefined, json: boolean, terminal: Terminal): Promise<number> {
  if (name === undefined) {
    const all = await listFeatureNetworks({ networks: (await projectPlugins(terminal)).networks });
    if (json) terminal.out(JSON.stringify({ networks: all }));
    else for (const line of table(all)) terminal.out(line);
    return 0;
  }
  const network = await openNamedNetwork(name, terminal);
  const { name: own, sha256, licence, dims, classes, input } = network;
  const facts = { name: own, sha256, licence, dims, classes, input, isLoss: 'maps' in network };
  network.dispose();
  if (json) terminal.out(JSON.stringify(facts));
  else {
    terminal.out(`${own}: ${dims} features${facts.isLoss ? '; can be the network of a perceptual loss' : ''}`);
    terminal.out(`  input    ${input}`);
    terminal.out(`  licence  ${licence}`);
    terminal.out(`  sha256   ${sha256}`);
  }
  return 0;
}

function table(all: readonly NetworkListing[]): string[] {
  const width = Math.max(...all.map(({ name }) => name.length));
  return all.map(({ name, dims, classCount, licence, weights }) => {
    const classes = classCount === 0 ? 'no classes' : `${classCount} classes`;
    return `${name.padEnd(width)}  ${String(dims).padStart(5)} features  ${classes.padEnd(12)}  ${weights}; ${licence}`;
  });
}

interface StatisticsRequest extends Omit<Values, 'data' | 'out'> {
  readonly name: string;
  readonly data: string;
  readonly out: string;
}

async function computeStatistics(request: StatisticsRequest, terminal: Terminal): Promise<StatisticsFacts> {
  const engine = createEngine(readEngineOptions(request));
  const network = await openNamedNetwork(request.name, terminal);
  try {
    const source = await openSource(request, { network, terminal });
    const progress = terminal.progress(source.name, source.count);
    progress.begin(`${source.count} images`);
    const measured = await measure({ engine, network }, source, (seen) => progress.update(seen, 'images'));
    const facts = {
      network: network.name,
      sha256: network.sha256,
      input: network.input,
      image: source.image,
      images: measured.count,
    };
    await writeStatistics(request.out, { reference: referenceOf(measured), facts });
    return facts;
  } finally {
    terminal.done();
    network.dispose();
    engine.dispose();
  }
}

/** All images are measured, in the order of their seeds: the same command gives the same file. */
const SEED = 1;

async function openSource(
  { data, split, count, size }: StatisticsRequest,
  { network, terminal }: { readonly network: FeatureNetwork; readonly terminal: Terminal },
): Promise<ImageSource> {
  const named = namedReference(data, '--data');
  const channels = isJudge(network) ? network.config.channels : 3;
  const ofOthers = given(named.kind === 'recipe' ? { size } : { split, count, ...(named.kind === 'npz' && { size }) });
  for (const option of Object.keys(ofOthers)) throw contradiction(`--${option} with ${data}`, 'it for other data');
  if (named.kind === 'npz') return openNpzImages(named.path, channels);
  if (named.kind === 'folder') {
    const image = size === undefined ? null : { height: size, width: size, channels };
    return openFolderImages(named.path, { image, channels, scale: size !== undefined });
  }
  const { recipe, folder } = await readRecipe(named.path);
  const progress = (label: string) => (total: number) => terminal.progress(label, total);
  const opened = await openData(recipe.data, { folder, seed: recipe.seed, progress });
  const source = splitSource(opened, { split: split ?? 'train', count: count ?? Infinity, seed: SEED });
  if (source.count >= 2) return source;
  const got = `${source.count} images in the split ${split ?? 'train'}`;
  throw new TesseraError({ code: 'too-few-images', who: data, got, expected: '2 at least: one image has no spread' });
}

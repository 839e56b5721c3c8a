import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism, cpus, freemem, totalmem } from 'node:os';
import { join } from 'node:path';
import { flag, type Arguments } from '@tessera/command-line';
import { isTesseraError, parseJson, TesseraError } from '@tessera/errors';
import { findConfig, listModelFolders, loadPlugins, pluginKinds } from '@tessera/models';
import { createEngine } from '@tessera/targets';
import { describeTensorFlow, setupTensorFlow } from '@tessera/tensorflow-setup';
import { engineOptions, readEngineOptions } from '../common-options.ts';
import { sayProblems } from '../project.ts';
import type { Terminal } from '../terminal.ts';
import type { Command } from '../command.ts';

const setupOptions = { gpu: flag('with CUDA, for a machine with an NVIDIA GPU') };

export const setup: Command<typeof setupOptions> = {
  positionals: { usage: 'tensorflow', least: 1, most: 1 },
  options: setupOptions,
  examples: ['tessera setup tensorflow', 'tessera setup tensorflow --gpu'],
  async run({ positionals: [what], values }, terminal) {
    if (what !== 'tensorflow') {
      throw new TesseraError({ code: 'usage', who: 'tessera setup', got: String(what), expected: 'tensorflow' });
    }
    const progress = terminal.progress('download', 100);
    await setupTensorFlow({
      variant: values.gpu ? 'gpu' : 'cpu',
      say: (line) => terminal.out(line),
      progress: (fraction, label) => progress.update(100 * fraction, `%, ${label}`),
    });
    terminal.done();
    return 0;
  },
};

const doctorOptions = { json: flag('print one JSON object'), ...engineOptions };

export const doctor: Command<typeof doctorOptions> = {
  options: doctorOptions,
  examples: ['tessera doctor', 'TESSERA_TARGET=eager tessera doctor'],
  run: report,
};

const require = createRequire(import.meta.url);
const gigabytes = (bytes: number) => `${(bytes / 2 ** 30).toFixed(1)} GB`;

/** Version of an installed package; looked up from its folder, since packages may hide their package.json. */
function version(name: string): string {
  const folder = (require.resolve.paths(name) ?? []).map((path) => join(path, name)).find((path) => existsSync(path));
  if (folder === undefined) return 'not installed';
  const path = join(folder, 'package.json');
  const refusal = { code: 'package-malformed', who: path, expected: 'a package', next: `Install ${name} again.` };
  return (parseJson(readFileSync(path), refusal) as { version: string }).version;
}

/** Their names, or why there are none. */
function modelNames(): string {
  try {
    const names = listModelFolders().map(({ name }) => name);
    return names.join(', ') || 'none found';
  } catch (error) {
    if (isTesseraError(error)) return error.message;
    throw error;
  }
}

async function report({ values }: Arguments<typeof doctorOptions>, terminal: Terminal): Promise<number> {
  const engine = createEngine(readEngineOptions(values));
  const { file, plugins, problems } = await loadPlugins(findConfig());
  const facts = {
    tessera: (require('../../package.json') as { version: string }).version,
    node: `${process.version} (${process.platform} ${process.arch})`,
    target: engine.why,
    training: engine.training.why,
    'onnxruntime-node': version('onnxruntime-node'),
    tensorflow: await describeTensorFlow(),
    '@tensorflow/tfjs': version('@tensorflow/tfjs'),
    sharp: version('sharp'),
    processor: `${cpus()[0]?.model ?? 'unknown'}, ${availableParallelism()} threads`,
    memory: `${gigabytes(freemem())} free of ${gigabytes(totalmem())}`,
    models: modelNames(),
    plugins: pluginKinds.flatMap((kind) => plugins[kind].map(({ name }) => name)).join(', ') || "only Tessera's own",
    'tessera.config': file ?? 'none here',
  };
  engine.dispose();
  if (values.json) terminal.out(JSON.stringify({ ...facts, problems }));
  else for (const [name, fact] of Object.entries(facts)) terminal.out(`${name.padEnd(18)} ${fact}`);
  sayProblems(problems, terminal);
  return 0;
}

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findModel, listModelFolders, readManifest, type ModelManifest } from '@tessera/models';
import type { Arguments, Command } from '../command.ts';
import type { Terminal } from '../terminal.ts';

export const models: Command = {
  usage: '[NAME] [--json]',
  options: { json: { type: 'boolean', help: 'print one JSON object' } },
  examples: ['tessera models', 'tessera models digits-var'],
  positionals: [0, 1],
  run,
};

async function run({ positionals: [name], values }: Arguments, terminal: Terminal): Promise<number> {
  if (name !== undefined) return show(name, values['json'] === true, terminal);
  const found = listModelFolders();
  const manifests = await Promise.all(found.map(({ folder }) => readManifest(folder)));
  if (values['json'] === true) {
    terminal.out(JSON.stringify(manifests.map((manifest, i) => ({ ...manifest, folder: found[i]!.folder }))));
  } else if (manifests.length === 0) {
    terminal.out(
      'No models here. Set TESSERA_MODELS to the folder that holds yours, or import one: tessera import --help',
    );
  } else {
    const width = Math.max(...manifests.map((manifest) => manifest.name.length));
    for (const manifest of manifests) terminal.out(`${manifest.name.padEnd(width)}  ${manifest.title}`);
  }
  return 0;
}

async function show(name: string, json: boolean, terminal: Terminal): Promise<number> {
  const { folder } = findModel(name);
  const manifest = await readManifest(folder);
  if (json) {
    terminal.out(JSON.stringify({ ...manifest, folder }));
    return 0;
  }
  terminal.out(`${manifest.name}: ${manifest.title}`);
  for (const [label, value] of facts(manifest, folder)) terminal.out(`  ${label.padEnd(10)} ${value}`);
  const card = await readFile(join(folder, 'README.md'), 'utf8').catch(() => null);
  if (card !== null) terminal.out(`  ${'card'.padEnd(10)} ${join(folder, 'README.md')}`);
  return 0;
}

function facts(manifest: ModelManifest, folder: string): [string, string][] {
  const { defaults } = manifest;
  const part = (key: 'tokenizer' | 'order' | 'backbone' | 'head') => manifest[key].plugin;
  return [
    ['about', manifest.description],
    ['parts', `${part('tokenizer')} + ${part('order')} + ${part('backbone')} + ${part('head')}`],
    ['classes', manifest.classes.map((text, label) => (text === String(label) ? text : `${label} ${text}`)).join(', ')],
    ['guidance', `${defaults.guidance.kind} ${defaults.guidance.scale}`],
    ['options', JSON.stringify(defaults.options)],
    ['licence', manifest.licence],
    ['data', manifest.data],
    ['metrics', JSON.stringify(manifest.metrics ?? {})],
    ['folder', folder],
  ];
}

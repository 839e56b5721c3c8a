import { printable } from '@tessera/errors';
import { findConfig, loadPlugins, type ModelOutline, type PluginProblem, type Plugins } from '@tessera/models';
import type { Terminal } from './terminal.ts';

/** Plug-ins of the project that the command runs in. One line says that some cannot be used; the others are returned. */
export async function projectPlugins(terminal: Terminal): Promise<Plugins> {
  const { file, plugins, problems } = await loadPlugins(findConfig());
  const count = problems.length === 1 ? '1 problem' : `${problems.length} problems`;
  if (problems.length > 0)
    terminal.err(`${file} has ${count}, and plug-ins may be left out: tessera plugins says why.`);
  return plugins;
}

/** One sentence each. */
export function sayProblems(problems: readonly PluginProblem[], terminal: Terminal): void {
  for (const { code, message } of problems) terminal.err(`${message} (${code})`);
}

/** After a plug-in was not found: which plug-ins of the project were left out, and why. */
export async function explainMissing(terminal: Terminal): Promise<void> {
  sayProblems((await loadPlugins(findConfig())).problems, terminal);
}

/** What has changed since a model was made. */
export function sayRemarks({ manifest, remarks }: ModelOutline, terminal: Terminal): void {
  for (const remark of remarks) terminal.err(`Note: ${printable(manifest.name)}: ${remark}`);
}

import { findConfig, loadPlugins, type Plugins } from '@tessera/models';
import type { Terminal } from './terminal.ts';

/** Plug-ins of the project that the command runs in. What is wrong with some of them is said, and the others are given. */
export async function projectPlugins(terminal: Terminal): Promise<Plugins> {
  const { plugins, problems } = await loadPlugins(findConfig());
  for (const { code, message } of problems) terminal.err(`${message} (${code})`);
  return plugins;
}

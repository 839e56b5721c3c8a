import { openFeatureNetwork, type FeatureNetwork, type NetworkOptions } from '@tessera/features';
import type { Progress } from '@tessera/progress';
import { projectPlugins } from '../project.ts';
import type { Terminal } from '../terminal.ts';

/**
 * Opens a feature network by its name or its file: one of Tessera's own, or one that the project lists. A download is shown.
 * @throws TesseraError what `openFeatureNetwork` throws
 */
export async function openNamedNetwork(name: string, terminal: Terminal): Promise<FeatureNetwork> {
  const { networks } = await projectPlugins(terminal);
  try {
    return await openFeatureNetwork(name, { networks, progress: shownBy(terminal, name) });
  } finally {
    terminal.done();
  }
}

function shownBy(terminal: Terminal, name: string): NonNullable<NetworkOptions['progress']> {
  let shown: Progress | null = null;
  return (fraction, label) => {
    shown ??= terminal.progress(`weights of ${name}`, 100);
    shown.update(100 * fraction, `%, ${label}`);
  };
}

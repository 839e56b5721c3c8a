import { describe, expect, it } from 'vitest';
import { findTool, runTool } from './tools.ts';
import { wheelFor } from './sources.ts';

const node = process.execPath;

describe('tools of the setup', () => {
  it('are the first that runs', async () => {
    const wanted = { what: 'compiler', next: 'Install one.' };
    expect(
      await findTool(
        [
          ['no-such-program', '-v'],
          [node, '--version'],
        ],
        wanted,
      ),
    ).toBe(node);
    await expect(findTool([['no-such-program', '-v']], wanted)).rejects.toThrow(
      '[tessera setup tensorflow] got no compiler (tried no-such-program); expected compiler on the PATH. Install one.',
    );
  });

  it('give what they print, or the line that says why not', async () => {
    expect(await runTool(node, ['-p', '1 + 1'], '.')).toBe('2\n');
    await expect(runTool(node, ['-e', 'throw new Error("no room")'], '.')).rejects.toThrow(/exit code 1.*no room/);
  });

  it('know their platforms', () => {
    expect(wheelFor('linux-x64', 'cpu').project).toBe('tensorflow-cpu');
    expect(() => wheelFor('win32-x64', 'cpu')).toThrow(/win32-x64, cpu; expected linux-x64 cpu/);
  });
});

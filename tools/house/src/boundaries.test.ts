import { ESLint } from 'eslint';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = resolve(import.meta.dirname, '../../..');

/** Lints a line as if it stood in the file of that path. */
async function complaints(code: string, filePath: string): Promise<string[]> {
  const [result] = await new ESLint({ cwd: root }).lintText(code, { filePath: resolve(root, filePath) });
  return result!.messages.filter((message) => message.ruleId === '@nx/enforce-module-boundaries').map((m) => m.message);
}

describe('boundaries between rooms', () => {
  it('forbids a head to import a tokenizer', async () => {
    const code = "import { vqTokenizer } from '@tessera/tokenizer-vq';\nconsole.log(vqTokenizer);\n";
    expect(await complaints(code, 'packages/head-categorical/src/index.ts')).not.toEqual([]);
  });

  it('forbids the engine to import core', async () => {
    const code = "import { sample } from '@tessera/core';\nconsole.log(sample);\n";
    expect(await complaints(code, 'packages/engine/src/index.ts')).not.toEqual([]);
  });

  it('forbids the playground to import anything of ours', async () => {
    const code = "import { sample } from '@tessera/core';\nconsole.log(sample);\n";
    expect(await complaints(code, 'apps/playground/src/main.tsx')).not.toEqual([]);
  });

  it('forbids an example to import a part that ships', async () => {
    const code = "import { diffusionHead } from '@tessera/head-diffusion';\nconsole.log(diffusionHead);\n";
    expect(await complaints(code, 'examples/head-flow-matching/src/index.ts')).not.toEqual([]);
  });

  it('allows an example what a plug-in needs', async () => {
    const code =
      "import { schema } from '@tessera/core';\nimport { nn } from '@tessera/engine';\nconsole.log(schema, nn);\n";
    expect(await complaints(code, 'examples/head-flow-matching/src/index.ts')).toEqual([]);
  });

  it('allows what points down', async () => {
    const code = "import { TesseraError } from '@tessera/errors';\nconsole.log(TesseraError);\n";
    expect(await complaints(code, 'packages/head-categorical/src/index.ts')).toEqual([]);
  });
});

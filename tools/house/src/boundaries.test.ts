import { ESLint } from 'eslint';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = resolve(import.meta.dirname, '../../..');

type Rule = '@nx/enforce-module-boundaries' | 'no-restricted-imports';

/** Lints a line as if it stood in the file of that path. */
async function complaints(
  code: string,
  filePath: string,
  rule: Rule = '@nx/enforce-module-boundaries',
): Promise<string[]> {
  const [result] = await new ESLint({ cwd: root }).lintText(code, { filePath: resolve(root, filePath) });
  return result!.messages.filter((message) => message.ruleId === rule).map(({ message }) => message);
}

const use = (name: string, from: string) => `import { ${name} } from '${from}';\nconsole.log(${name});\n`;

describe('boundaries between rooms', () => {
  it.each([
    ['a head', 'a tokenizer', 'packages/head-categorical/src/index.ts', use('vqTokenizer', '@tessera/tokenizer-vq')],
    ['a head', 'a target', 'packages/head-diffusion/src/index.ts', use('onnxTarget', '@tessera/target-onnx')],
    ['the engine', 'core', 'packages/engine/src/index.ts', use('sample', '@tessera/core')],
    ['the engine', 'a target', 'packages/engine/src/index.ts', use('onnxTarget', '@tessera/target-onnx')],
    ['a target', 'the table of targets', 'packages/target-onnx/src/index.ts', use('createEngine', '@tessera/targets')],
    ['a target', 'another', 'packages/target-onnx/src/index.ts', use('eagerTarget', '@tessera/target-eager')],
    ['core', 'the plug-in kit', 'packages/core/src/index.ts', use('defineHead', '@tessera/plugin-kit')],
    ['core', 'the table of targets', 'packages/core/src/index.ts', use('createEngine', '@tessera/targets')],
    ['a request', 'a model', 'packages/request/src/index.ts', use('openModel', '@tessera/models')],
    ['a source', 'recorded cases', 'packages/tokenizer-vq/src/index.ts', use('openGolden', '@tessera/goldens')],
  ])('forbid %s to import %s', async (_, __, file, code) => {
    expect(await complaints(code, file)).not.toEqual([]);
  });

  it('allow tests to import recorded cases and the table of targets', async () => {
    const code = use('openGolden', '@tessera/goldens') + use('createEngine', '@tessera/targets');
    expect(await complaints(code, 'packages/tokenizer-vq/src/x.test.ts')).toEqual([]);
  });

  it.each(['core', 'engine', 'schema', 'onnx-graph', 'head-diffusion', 'backbones', 'target-onnx-web'])(
    'forbid %s to import a module of Node',
    async (room) => {
      const code = use('readFileSync', 'node:fs');
      expect(await complaints(code, `packages/${room}/src/index.ts`, 'no-restricted-imports')).not.toEqual([]);
      expect(await complaints(code, `packages/${room}/src/x.test.ts`, 'no-restricted-imports')).toEqual([]);
    },
  );

  it('forbid the playground to import anything of ours', async () => {
    const code = "import { sample } from '@tessera/core';\nconsole.log(sample);\n";
    expect(await complaints(code, 'apps/playground/src/main.tsx')).not.toEqual([]);
  });

  it('forbid an example to import a part that ships', async () => {
    const code = "import { diffusionHead } from '@tessera/head-diffusion';\nconsole.log(diffusionHead);\n";
    expect(await complaints(code, 'examples/head-flow-matching/src/index.ts')).not.toEqual([]);
  });

  it('allow an example what a plug-in needs', async () => {
    const code = use('schema', '@tessera/plugin-kit') + use('nn', '@tessera/engine');
    expect(await complaints(code, 'examples/head-flow-matching/src/index.ts')).toEqual([]);
  });

  it('allow what points down', async () => {
    const code = "import { TesseraError } from '@tessera/errors';\nconsole.log(TesseraError);\n";
    expect(await complaints(code, 'packages/head-categorical/src/index.ts')).toEqual([]);
  });
});

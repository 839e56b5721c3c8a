import { kinds, type KindName } from './kinds.ts';
import type { PartNames } from './part-names.ts';
import { trialRecipe } from './recipe.ts';
import type { Templates } from './templates.ts';

interface Project {
  readonly kind: KindName;
  readonly names: PartNames;
  /** Files of the example, by path. */
  readonly sources: Readonly<Record<string, string>>;
  readonly templates: Templates;
}

/** All files of a new package but its sources, by path. */
export function projectFiles(project: Project): Readonly<Record<string, string>> {
  const { kind, names } = project;
  return {
    'package.json': json(manifestOf(project)),
    'tsconfig.json': json(tsconfig),
    'tsconfig.build.json': json(tsconfigBuild),
    'tessera.config.mjs': config,
    'recipe.json': json(trialRecipe(kind, names.pkg)),
    '.github/workflows/ci.yml': workflow,
    '.gitignore': 'node_modules/\ndist/\nrun/\nsamples/\n*.tgz\n',
    LICENSE: licence(names.pkg),
    'README.md': readme(project),
  };
}

const json = (value: object): string => `${JSON.stringify(value, null, 2)}\n`;

const TFJS = '@tensorflow/tfjs';

function manifestOf({ kind, names, sources, templates: { tessera, tools } }: Project): object {
  const isTest = (file: string): boolean => file.includes('.test.');
  const imported = (keep: (file: string) => boolean): string[] => {
    const texts = Object.entries(sources).flatMap(([file, text]) => (keep(file) ? [text] : []));
    return texts.flatMap((text) =>
      [...text.matchAll(/ from '(@(?:tessera|tensorflow)\/[\w-]+)/g)].map(([, name]) => name!),
    );
  };
  const peers = unique([TFJS, ...imported((file) => !isTest(file))]);
  const own = unique([...peers, '@tessera/cli', ...imported(isTest)]);
  // Exactly the releases that it was made for are tried; later ones of the same contracts may be used with it.
  const exact = own.map((name) => [name, name === TFJS ? '4.22.0' : tessera] as const);
  return {
    name: names.pkg,
    version: '0.1.0',
    description: `A ${kind} for Tessera: it ${kinds[kind].does}`,
    keywords: ['tessera', `tessera-${kind}`],
    license: 'MIT',
    type: 'module',
    sideEffects: false,
    engines: { node: '>=20.19' },
    exports: { '.': { types: './dist/index.d.ts', default: './dist/index.js' }, './package.json': './package.json' },
    files: ['dist', 'src', 'conformance.json', 'certificate.json', '!**/*.test.ts'],
    scripts: {
      test: 'vitest run',
      typecheck: 'tsc --noEmit',
      build: 'tsc -p tsconfig.build.json',
      certify: 'npm run build && tessera certify . --report certificate.json',
      prepack: 'npm run build',
      trial: 'tessera train recipe.json --out run && tessera generate --model run/model --count 4 --out samples',
    },
    peerDependencies: Object.fromEntries(peers.map((name) => [name, name === TFJS ? '^4.22.0' : `^${tessera}`])),
    devDependencies: Object.fromEntries([...exact, ...Object.entries(tools)].sort(([a], [b]) => (a < b ? -1 : 1))),
  };
}

const unique = (names: readonly string[]): string[] => [...new Set(names)].sort();

const tsconfig = {
  compilerOptions: {
    target: 'es2023',
    lib: ['es2023'],
    module: 'nodenext',
    types: ['node'],
    strict: true,
    noUncheckedIndexedAccess: true,
    exactOptionalPropertyTypes: true,
    verbatimModuleSyntax: true,
    erasableSyntaxOnly: true,
    rewriteRelativeImportExtensions: true,
    skipLibCheck: true,
    noEmit: true,
  },
  include: ['src'],
};

const tsconfigBuild = {
  extends: './tsconfig.json',
  compilerOptions: { noEmit: false, declaration: true, rootDir: 'src', outDir: 'dist' },
  exclude: ['src/**/*.test.ts'],
};

const config = `// For the command tessera in this folder. Who installs the package lists it by its name.
export const config = { plugins: ['./src/index.ts'] };
`;

const workflow = `name: CI
on: [push, pull_request]
permissions:
  contents: read
jobs:
  test:
    runs-on: ubuntu-latest
    strategy:
      matrix:
        node: [20, 22, 24]
    steps:
      - uses: actions/checkout@v4
      - uses: actions/setup-node@v4
        with:
          node-version: \${{ matrix.node }}
      - run: npm install --ignore-scripts
      - run: npm run typecheck
      - run: npm test
      - run: npm run build
      - run: npm run certify
`;

function licence(name: string): string {
  return `MIT License

Copyright (c) ${new Date().getFullYear()} the authors of ${name}

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated documentation
files (the "Software"), to deal in the Software without restriction, including without limitation the rights to use, copy,
modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit persons to whom the
Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the
Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE
WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR
COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE,
ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
`;
}

function readme({ kind, names: { pkg, file, identifier } }: Project): string {
  return `# ${pkg}

A ${kind} for Tessera: it ${kinds[kind].does}. It is \`${identifier}\` in \`src/${file}.ts\`.

## Use

\`\`\`bash
npm install ${pkg}
\`\`\`

List it in \`tessera.config.mjs\`; then recipes and models may name it:

\`\`\`js
export const config = { plugins: ['${pkg}'] };
\`\`\`

\`\`\`json
"${kind}": { "plugin": "${pkg}", "config": {} }
\`\`\`

## Develop

\`\`\`bash
npm install
npm test               # the conformance kit of @tessera/plugin-kit
npm run typecheck
npm run certify        # writes certificate.json, by which servers tell how it was judged
npx tessera plugins ${pkg}
npm run trial          # trains a tiny model with it, and draws images
npm publish            # builds first
\`\`\`

\`conformance.json\` tells the kit what to try the part with, and holds cases of its own: change it with the part.

MIT licence.
`;
}

import { createProjectGraphAsync } from '@nx/devkit';
import nx from '@nx/eslint-plugin';
import tseslint from 'typescript-eslint';

// Without a cached project graph the boundary rule passes silently; make it first.
await createProjectGraphAsync();

/**
 * Which rooms a room may import, by the tag in its package.json. `errors` may be imported by all but the playground, which
 * talks GraphQL only.
 */
const below = {
  'type:errors': [],
  'type:node': [],
  'type:avatars': [],
  'type:schema': [],
  'type:checkpoints': [],
  'type:engine': [],
  'type:graphs': ['type:engine'],
  'type:setup': ['type:node'],
  'type:target': ['type:engine', 'type:graphs', 'type:setup'],
  'type:targets': ['type:engine', 'type:graphs', 'type:target', 'type:setup'],
  'type:core': ['type:engine', 'type:schema'],
  'type:kit': ['type:core', 'type:schema', 'type:engine', 'type:targets'],
  'type:layers': ['type:core', 'type:schema', 'type:engine'],
  'type:part': ['type:kit', 'type:layers', 'type:core', 'type:schema', 'type:engine'],
  'type:pictures': ['type:request', 'type:core', 'type:schema'],
};
below['type:trace'] = ['type:core', 'type:schema', 'type:engine', 'type:checkpoints'];
below['type:request'] = ['type:core', 'type:schema'];
below['type:models'] = [
  'type:part',
  'type:checkpoints',
  'type:targets',
  'type:request',
  ...below['type:part'],
  'type:kit',
];
below['type:features'] = ['type:models', 'type:node', 'type:pictures', ...below['type:models']];
below['type:evaluation'] = ['type:features', ...below['type:features']];
below['type:training'] = ['type:avatars', 'type:evaluation', 'type:command', ...below['type:evaluation']];
below['type:command'] = ['type:node', 'type:schema'];
below['type:host'] = ['type:models', 'type:pictures', 'type:node', ...below['type:models']];
below['type:store'] = ['type:request', 'type:node', ...below['type:request']];
below['type:blobs'] = ['type:node'];
below['type:telemetry'] = ['type:store', 'type:blobs', ...below['type:store']];
below['type:worker'] = ['type:store', 'type:blobs', 'type:host', 'type:telemetry', ...below['type:host']];
below['type:client'] = [];
below['type:create'] = [];
below['type:app'] = ['type:app', 'type:goldens', ...Object.keys(below)];
below['type:goldens'] = ['type:core', 'type:engine', 'type:targets'];
below['type:chromium'] = [];
below['type:playground'] = ['type:client'];
below['type:house'] = ['type:engine', 'type:setup', 'type:command', 'type:node', 'type:store'];
below['type:example'] = ['type:client', 'type:kit', 'type:layers', 'type:core', 'type:schema', 'type:engine'];
// An example that wraps parts that ship.
below['type:wrapper'] = ['type:part', ...below['type:example']];
below['type:browser'] = [
  'type:example',
  'type:target',
  'type:part',
  'type:models',
  'type:graphs',
  ...below['type:models'],
];

/** What tests and fixtures may import besides: recorded cases, the conformance kit, targets to run on, a browser. */
const forTests = ['type:goldens', 'type:kit', 'type:targets', 'type:chromium'];
const forTestsOfPage = ['type:chromium', 'type:store'];
const isTested = (tag) =>
  !['type:errors', 'type:schema', 'type:engine', 'type:playground', 'type:goldens'].includes(tag);

const boundaries = (more) => [
  'error',
  {
    allow: [],
    enforceBuildableLibDependency: false,
    depConstraints: Object.entries(below).map(([sourceTag, tags]) => ({
      sourceTag,
      onlyDependOnLibsWithTags:
        sourceTag === 'type:playground'
          ? [...tags, ...(more.length > 0 ? forTestsOfPage : [])]
          : [...tags, 'type:errors', ...(isTested(sourceTag) ? more : [])],
    })),
  },
];

export default tseslint.config(
  // `generated.ts` is made by a tool, and compared with what that makes by a test.
  { ignores: ['**/dist/**', '**/*.config.ts', '**/node_modules/**', 'packages/client/src/generated.ts'] },
  {
    files: ['**/*.ts', '**/*.tsx'],
    extends: [tseslint.configs.strict],
    plugins: { '@nx': nx },
    rules: {
      '@nx/enforce-module-boundaries': boundaries([]),
      '@typescript-eslint/no-non-null-assertion': 'off',
      'no-restricted-exports': ['error', { restrictDefaultExports: { direct: true } }],
      'no-restricted-syntax': ['error', { selector: 'ExportAllDeclaration', message: 'Name what you export.' }],
      'max-lines': ['error', { max: 300 }],
    },
  },
  {
    // What runs in a browser, too.
    files: [
      'schema',
      'engine',
      'onnx-graph',
      'core',
      'head-*',
      'tokenizer-*',
      'autoencoder',
      'backbones',
      'target-onnx-web',
    ].map((name) => `packages/${name}/src/**/*.ts`),
    ignores: ['**/*.test.ts'],
    rules: { 'no-restricted-imports': ['error', { patterns: ['node:*'] }] },
  },
  {
    files: ['**/*.test.ts', '**/*.test.tsx', '**/*.fixture.ts', '**/fixtures/**'],
    rules: { '@nx/enforce-module-boundaries': boundaries(forTests) },
  },
);

import { createProjectGraphAsync } from '@nx/devkit';
import nx from '@nx/eslint-plugin';
import tseslint from 'typescript-eslint';

// Without a cached project graph the boundary rule passes silently; make it first.
await createProjectGraphAsync();

const below = {
  'type:errors': [],
  'type:checkpoints': [],
  'type:engine': [],
  'type:core': ['type:engine'],
  'type:goldens': ['type:core', 'type:engine'],
  'type:layers': ['type:goldens', 'type:core', 'type:engine'],
  'type:part': ['type:goldens', 'type:layers', 'type:core', 'type:engine'],
  'type:pictures': ['type:core'],
  'type:models': ['type:goldens', 'type:part', 'type:layers', 'type:core', 'type:engine', 'type:checkpoints'],
  'type:training': [
    'type:goldens',
    'type:pictures',
    'type:models',
    'type:part',
    'type:layers',
    'type:core',
    'type:engine',
    'type:checkpoints',
  ],
  'type:host': ['type:pictures', 'type:models', 'type:core', 'type:engine'],
  'type:app': [
    'type:app',
    'type:goldens',
    'type:host',
    'type:training',
    'type:pictures',
    'type:models',
    'type:part',
    'type:layers',
    'type:core',
    'type:engine',
    'type:checkpoints',
  ],
  'type:playground': [],
  'type:house': ['type:engine'],
  'type:example': ['type:core', 'type:engine'],
};

export default tseslint.config(
  { ignores: ['**/dist/**', '**/*.config.ts', '**/node_modules/**'] },
  {
    files: ['**/*.ts', '**/*.tsx'],
    extends: [tseslint.configs.strict],
    plugins: { '@nx': nx },
    rules: {
      '@nx/enforce-module-boundaries': [
        'error',
        {
          allow: [],
          enforceBuildableLibDependency: false,
          depConstraints: Object.entries(below).map(([sourceTag, onlyDependOnLibsWithTags]) => ({
            sourceTag,
            onlyDependOnLibsWithTags:
              sourceTag === 'type:playground' ? [] : [...onlyDependOnLibsWithTags, 'type:errors'],
          })),
        },
      ],
      '@typescript-eslint/no-non-null-assertion': 'off',
      'no-restricted-exports': ['error', { restrictDefaultExports: { direct: true } }],
      'no-restricted-syntax': ['error', { selector: 'ExportAllDeclaration', message: 'Name what you export.' }],
      'max-lines': ['error', { max: 300 }],
    },
  },
);

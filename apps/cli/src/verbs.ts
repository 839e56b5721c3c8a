import type { Verb } from './command.ts';

/** Every verb, in the order of the help page. */
export const verbs: readonly Verb[] = [
  {
    name: 'generate',
    summary: 'make images: one PNG a sample, and a grid',
    load: async () => (await import('./commands/generate.ts')).generate,
  },
  {
    name: 'edit',
    summary: 'make a part of a picture anew: in-painting, out-painting, another class',
    load: async () => (await import('./commands/edit.ts')).edit,
  },
  {
    name: 'models',
    summary: 'list the models that are here, or show one',
    load: async () => (await import('./commands/models.ts')).models,
  },
  {
    name: 'plugins',
    summary: 'list tokenizers, orders, backbones and heads, or show one',
    load: async () => (await import('./commands/plugins.ts')).plugins,
  },
  {
    name: 'train',
    summary: 'train a model by a recipe, resumable',
    load: async () => (await import('./commands/train.ts')).train,
  },
  {
    name: 'eval',
    summary: 'judge a model: recognised samples, Frechet distance, throughput',
    load: async () => (await import('./commands/evaluate.ts')).evaluate,
  },
  {
    name: 'import',
    summary: 'make a model folder from official PyTorch files',
    load: async () => (await import('./commands/import.ts')).importCommand,
  },
  {
    name: 'export',
    summary: 'write a model folder back as official state dicts',
    load: async () => (await import('./commands/export.ts')).exportCommand,
  },
  {
    name: 'inspect',
    summary: 'show every tensor of a weight file',
    load: async () => (await import('./commands/inspect.ts')).inspect,
  },
  {
    name: 'serve',
    summary: 'serve the GraphQL API and the playground',
    load: async () => (await import('./commands/serve.ts')).serve,
  },
  {
    name: 'setup',
    summary: 'add TensorFlow, an optional target, to your cache',
    load: async () => (await import('./commands/setup.ts')).setup,
  },
  {
    name: 'doctor',
    summary: 'show versions, the active target and why, memory',
    load: async () => (await import('./commands/doctor.ts')).doctor,
  },
];

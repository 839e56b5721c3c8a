import type { Verb } from './command.ts';

/** Every verb, in the order of the help page. */
export const verbs: readonly Verb[] = [
  {
    name: 'generate',
    summary: 'generate images: one PNG per image, and a grid of them',
    load: async () => (await import('./commands/images.ts')).generate,
  },
  {
    name: 'edit',
    summary: 'redraw a part of a picture: in-painting, out-painting, another class',
    load: async () => (await import('./commands/images.ts')).edit,
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
    name: 'plugins add',
    summary: 'install packages of plug-ins, or those that a model needs, and list them; asks first',
    load: async () => (await import('./commands/plugins-add.ts')).addPlugins,
  },
  {
    name: 'certify',
    summary: 'run the conformance kit on every part of a package: a report, JSON, a badge',
    load: async () => (await import('./commands/certify.ts')).certify,
  },
  {
    name: 'data',
    summary: 'write the pictures that a recipe trains on as a folder, with what is known of each',
    load: async () => (await import('./commands/data.ts')).data,
  },
  {
    name: 'train',
    summary: 'train a model by a recipe; an interrupted training can be resumed',
    load: async () => (await import('./commands/train.ts')).train,
  },
  {
    name: 'batch',
    summary: 'train several recipes, each with several seeds, and compare their figures; resumable',
    load: async () => (await import('./commands/batch.ts')).batch,
  },
  {
    name: 'eval',
    summary: 'measure images of a model, a folder or an npz file: Frechet distance, precision, recall',
    load: async () => (await import('./commands/evaluate.ts')).evaluate,
  },
  {
    name: 'features',
    summary: 'list feature networks, or compute reference statistics of images with one',
    load: async () => (await import('./commands/features.ts')).features,
  },
  {
    name: 'sweep',
    summary: 'measure a model at many settings: a table, and plots of quality, diversity and time',
    load: async () => (await import('./commands/sweep.ts')).sweep,
  },
  {
    name: 'fit-scaling',
    summary: 'fit a power law with an offset to the losses of several trainings',
    load: async () => (await import('./commands/fit-scaling.ts')).fitScaling,
  },
  {
    name: 'trace',
    summary: 'generate, and write what each step read, computed, drew and wrote',
    load: async () => (await import('./commands/trace.ts')).trace,
  },
  {
    name: 'trace diff',
    summary: 'compare two traces: the first step and tensor that differ, and by how much',
    load: async () => (await import('./commands/trace-diff.ts')).traceDiff,
  },
  {
    name: 'import',
    summary: 'make a model folder from official PyTorch files',
    load: async () => (await import('./commands/convert.ts')).importCommand,
  },
  {
    name: 'export',
    summary: 'write a model folder as official state dicts',
    load: async () => (await import('./commands/convert.ts')).exportCommand,
  },
  {
    name: 'merge',
    summary: 'write a model with an adapter added to its weights',
    load: async () => (await import('./commands/merge.ts')).merge,
  },
  {
    name: 'quantize',
    summary: 'write a model folder whose linear layers are stored in 8 bits',
    load: async () => (await import('./commands/quantize.ts')).quantize,
  },
  {
    name: 'inspect',
    summary: 'show every tensor of a weight file',
    load: async () => (await import('./commands/inspect.ts')).inspect,
  },
  {
    name: 'serve',
    summary: 'serve the API (GraphQL, REST, OpenAI) and the page, or run models for it: see --role',
    load: async () => (await import('./commands/serve.ts')).serve,
  },
  {
    name: 'keys create',
    summary: 'make an API key for a server with TESSERA_AUTH=keys; it is shown once',
    load: async () => (await import('./commands/keys.ts')).createKey,
  },
  {
    name: 'keys list',
    summary: 'list API keys: whose they are, when they were used, which are revoked',
    load: async () => (await import('./commands/keys.ts')).listKeys,
  },
  {
    name: 'keys revoke',
    summary: 'end an API key: within seconds on every server, for open sockets too',
    load: async () => (await import('./commands/keys.ts')).revokeKey,
  },
  {
    name: 'setup',
    summary: 'install TensorFlow, an optional target, into your cache',
    load: async () => (await import('./commands/machine.ts')).setup,
  },
  {
    name: 'doctor',
    summary: 'show versions, memory, and which target is used and why',
    load: async () => (await import('./commands/machine.ts')).doctor,
  },
];

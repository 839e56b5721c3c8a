import type { ModelDescription } from '@tessera/host';
import type { PreviewKindRef } from './preview-kind.ts';
import type { ApiBuilder } from './builder.ts';

/** Models, and the query for them. */
export function addModels(builder: ApiBuilder, preview: PreviewKindRef): void {
  const modelClass = builder.objectRef<{ label: number; name: string }>('ModelClass').implement({
    fields: (t) => ({ label: t.exposeInt('label'), name: t.exposeString('name') }),
  });
  const size = builder.objectRef<ModelDescription['image']>('ImageSize').implement({
    description: 'In pixels.',
    fields: (t) => ({
      height: t.exposeInt('height'),
      width: t.exposeInt('width'),
      channels: t.exposeInt('channels', { description: '1 is gray, 3 is RGB.' }),
    }),
  });
  const defaults = builder.objectRef<ModelDescription['defaults']>('ModelDefaults').implement({
    description: 'What holds where a request leaves it out.',
    fields: (t) => ({
      guidance: t.exposeFloat('guidance'),
      topK: t.int({ resolve: ({ options }) => numberOr(options['topK'], 0), description: '0 keeps every token.' }),
      topP: t.float({ resolve: ({ options }) => numberOr(options['topP'], 0), description: '0 keeps every token.' }),
      smooth: t.boolean({ resolve: ({ options }) => options['smooth'] === true }),
      preview: t.field({ type: preview, resolve: (one) => one.preview }),
    }),
  });
  const model = builder.objectRef<ModelDescription>('Model').implement({
    description: 'A model folder that is ready to run.',
    fields: (t) => ({
      name: t.exposeString('name', { description: 'What createGeneration takes.' }),
      title: t.exposeString('title'),
      description: t.exposeString('description'),
      licence: t.exposeString('licence'),
      classes: t.field({
        type: [modelClass],
        resolve: ({ classes }) => classes.map((name, label) => ({ label, name })),
      }),
      parameters: t.expose('parameters', { type: 'SafeInt' }),
      vocabulary: t.exposeInt('vocabulary', {
        nullable: true,
        description: 'Number of different tokens; null where tokens are continuous.',
      }),
      image: t.expose('image', { type: size }),
      defaults: t.expose('defaults', { type: defaults }),
    }),
  });
  builder.queryField('models', (t) =>
    t.field({ type: [model], resolve: (_root, _args, { host }) => [...host.models()] }),
  );
}

function numberOr(value: unknown, fallback: number): number {
  return typeof value === 'number' ? value : fallback;
}

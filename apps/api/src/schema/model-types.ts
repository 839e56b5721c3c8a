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
    description: 'What holds where a request leaves it out; for its options see Model.options.',
    fields: (t) => ({
      guidance: t.exposeFloat('guidance'),
      preview: t.field({ type: preview, resolve: (one) => one.preview }),
    }),
  });
  const map = builder.objectRef<ModelDescription['layout'][number]>('TokenMap').implement({
    description: 'A map of tokens, row by row.',
    fields: (t) => ({
      start: t.exposeInt('start', { description: 'Position of its first token.' }),
      height: t.exposeInt('height'),
      width: t.exposeInt('width'),
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
      tokens: t.exposeInt('tokens', { description: 'Number of tokens of an image.' }),
      layout: t.field({
        type: [map],
        description: 'Where the tokens of an image lie: one or more maps, coarse to fine.',
        resolve: ({ layout }) => [...layout],
      }),
      image: t.expose('image', { type: size }),
      guidanceOff: t.exposeFloat('guidanceOff', {
        nullable: true,
        description: 'The guidance that does nothing; null where the model takes none.',
      }),
      options: t.field({
        type: 'JSONObject',
        description: "What a request's options may hold: a JSON Schema whose defaults are the model's own.",
        resolve: ({ options }) => options,
      }),
      defaults: t.expose('defaults', { type: defaults }),
    }),
  });
  builder.queryField('models', (t) =>
    t.field({ type: [model], resolve: (_root, _args, { host }) => [...host.models()] }),
  );
}

import type { OfficialState } from '../official-state.ts';

/** What the official trainer's checkpoints say of a generator besides its weights (`args` of `checkpoint-last.pth`). */
export interface TrainingArguments {
  readonly heads?: { readonly encoder: number; readonly decoder: number };
  readonly patchSize?: number;
  readonly dropout?: number;
  readonly repeats?: number;
  readonly respacing?: string;
}

/** What is missing or of another type is left out: many arguments only seem to concern the weights. */
export function trainingArguments({ values }: Pick<OfficialState, 'values'>): TrainingArguments {
  const number = (name: string): number | undefined => {
    const value = values.get(`args.${name}`);
    return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
  };
  const [encoder, decoder] = [number('encoder_num_heads'), number('decoder_num_heads')];
  const [patchSize, dropout, repeats] = [number('patch_size'), number('proj_dropout'), number('diffusion_batch_mul')];
  const respacing = values.get('args.num_sampling_steps');
  return {
    ...(encoder !== undefined && decoder !== undefined && { heads: { encoder, decoder } }),
    ...(patchSize !== undefined && { patchSize }),
    ...(dropout !== undefined && { dropout }),
    ...(repeats !== undefined && { repeats }),
    ...((typeof respacing === 'string' || typeof respacing === 'number') && { respacing: String(respacing) }),
  };
}

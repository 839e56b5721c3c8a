import type { Model } from '../api/types.ts';

export type ListedModel = Model & { readonly defaults: { readonly preview: string } };

/** What a running server offers, asked without the page. */
export async function listModels(url: string): Promise<readonly ListedModel[]> {
  const query = `{ models { name title tokens options classes { label name } defaults { preview } } }`;
  const response = await fetch(new URL('/graphql', url), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query }),
  });
  return ((await response.json()) as { data: { models: ListedModel[] } }).data.models;
}

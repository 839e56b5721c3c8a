import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openService, type TestService } from './testing/service.ts';

let service: TestService;
/** Oldest first. */
const ids: string[] = [];

beforeAll(async () => {
  service = await openService();
  for (let seed = 0; seed < 25; seed++) ids.push(await service.idOf({ seed }));
  for (const id of ids.slice(0, 5)) await service.change('cancelGeneration', { id });
  await service.idOf({}, 'b');
});

afterAll(() => service.close());

interface Listed {
  readonly nodes: readonly { readonly id: string; readonly createdAt: string }[];
  readonly edges: readonly { readonly cursor: string; readonly node: { readonly id: string } }[];
  readonly pageInfo: {
    readonly hasNextPage: boolean;
    readonly hasPreviousPage: boolean;
    readonly startCursor: string;
    readonly endCursor: string;
  };
  readonly totalCount: number;
}

async function list(args: object, tenant = 'a'): Promise<Listed> {
  const query = `query ($first: Int, $after: String, $last: Int, $before: String, $filter: GenerationFilter) {
    generations(first: $first, after: $after, last: $last, before: $before, filter: $filter) {
      nodes { id createdAt } edges { cursor node { id } } totalCount
      pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }`;
  return (await service.ask<{ generations: Listed }>(query, args, tenant)).generations;
}

const idsOf = ({ nodes }: Listed) => nodes.map(({ id }) => id);
const newestFirst = () => ids.toReversed();

describe('the list of generations', () => {
  it('is read forward to its end', async () => {
    const found: string[] = [];
    let after: string | null = null;
    for (let page = 0; page < 3; page++) {
      const one: Listed = await list({ first: 10, after });
      found.push(...idsOf(one));
      const { pageInfo, edges, totalCount } = one;
      expect([totalCount, pageInfo.hasNextPage, pageInfo.hasPreviousPage]).toEqual([25, page < 2, page > 0]);
      expect([edges[0]!.cursor, edges.at(-1)!.cursor]).toEqual([pageInfo.startCursor, pageInfo.endCursor]);
      expect(edges.map(({ node }) => node.id)).toEqual(idsOf(one));
      after = pageInfo.endCursor;
    }
    expect(found).toEqual(newestFirst());
  });

  it('is read backward to its beginning', async () => {
    let found: string[] = [];
    let before: string | null = null;
    for (let page = 0; page < 3; page++) {
      const one: Listed = await list({ last: 10, before });
      found = [...idsOf(one), ...found];
      const { hasNextPage, hasPreviousPage, startCursor } = one.pageInfo;
      expect([hasNextPage, hasPreviousPage]).toEqual([page > 0, page < 2]);
      before = startCursor;
    }
    expect(found).toEqual(newestFirst());
  });

  it('keeps its place while new ones come', async () => {
    const first = await list({ first: 5 });
    const more = await service.idOf();
    const next = await list({ first: 5, after: first.pageInfo.endCursor });
    expect(idsOf(next)).toEqual(newestFirst().slice(5, 10));
    await service.change('deleteGeneration', { id: more });
  });

  it('has what its filter says, of the whole history', async () => {
    const filtered = async (filter: object) => idsOf(await list({ first: 100, filter }));
    expect(await filtered({ states: ['CANCELED'] })).toEqual(ids.slice(0, 5).toReversed());
    expect(await filtered({ states: ['CANCELED', 'QUEUED'], models: ['quick'] })).toEqual(newestFirst());
    expect(await filtered({ models: ['other'] })).toEqual([]);
    const bare = await service.idOf({ images: [{ condition: { label: 0 } }, { condition: { label: -1 } }] });
    const shown = (model: string, label: number) => filtered({ classes: [{ model, label }] });
    expect([await shown('quick', -1), await shown('other', -1)]).toEqual([[bare], []]);
    expect(await shown('quick', 0)).toContain(bare);
    await service.change('deleteGeneration', { id: bare });
    const { createdAt } = (await list({ first: 1, after: (await list({ first: 9 })).pageInfo.endCursor })).nodes[0]!;
    const [later, sooner] = [await filtered({ createdAfter: createdAt }), await filtered({ createdBefore: createdAt })];
    expect(later.length).toBeGreaterThanOrEqual(9);
    expect(newestFirst().slice(0, later.length)).toEqual(later);
    expect(newestFirst().slice(-sooner.length)).toEqual(sooner);
    expect((await list({ filter: { states: ['CANCELED'] } })).totalCount).toBe(5);
  });

  it('has those of one tenant alone', async () => {
    expect((await list({ first: 100 }, 'b')).totalCount).toBe(1);
    expect((await list({}, 'c')).pageInfo).toEqual({
      hasNextPage: false,
      hasPreviousPage: false,
      startCursor: null,
      endCursor: null,
    });
  });

  it.each([
    ['count-out-of-range', { first: 0 }],
    ['count-out-of-range', { last: 101 }],
    ['count-out-of-range', { filter: { models: Array(101).fill('quick') } }],
    ['count-out-of-range', { filter: { classes: Array(101).fill({ model: 'quick', label: 0 }) } }],
    ['page-invalid', { first: 3, last: 3 }],
    ['page-invalid', { first: 3, before: '4' }],
    ['cursor-invalid', { after: 'x' }],
    ['cursor-invalid', { before: '1; DROP TABLE generation' }],
  ])('is refused with %s: %j', async (code, args) => {
    await expect(list(args)).rejects.toMatchObject({
      code,
      message: expect.stringMatching(/^\[(generations|store)\] got .+; expected .+\. .+\.$/) as string,
    });
  });
});

import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import type { TestClient } from './test-client.ts';

interface CasesOf {
  readonly client: () => TestClient;
  readonly upload: (body: Uint8Array) => Promise<{ readonly id?: string }>;
  /** Paths of the finished images of a generation. */
  readonly imagesOf: (id: string) => Promise<readonly string[]>;
  readonly grayAt: (path: string) => Promise<readonly number[]>;
  /** Two PNG files of 32 x 32 pixels. */
  readonly pictures: readonly [() => Promise<Buffer>, () => Promise<Buffer>];
}

/** Of the model `large`, whose condition is a gray picture of 32 x 32 pixels. */
export function conditionPictureCases({ client, upload, imagesOf, grayAt, pictures }: CasesOf): void {
  describe('a picture as the condition of an image', () => {
    const ask = (picture: unknown, count = 1) => ({
      model: 'large',
      images: [{ condition: { input: { picture } }, count }],
      seed: 5,
    });
    const made = async (path: string) => String(await grayAt(path));

    it('is an upload, or the picture itself, and is kept with the request', async () => {
      const png = await pictures[0]();
      const { id } = await upload(png);
      const created = await client().create(ask(id, 2));
      expect(created).toMatchObject({ __typename: 'Generation' });
      const [first] = await imagesOf(created.id);
      const query = `query ($id: ID!) { generation(id: $id) { ... on Generation { images { condition { ... on InputCondition { input } } } } } }`;
      const { generation } = await client().query<{
        generation: { images: { condition: { input: { picture: string } } }[] };
      }>(query, { id: created.id });
      const kept = generation.images[0]!.condition.input.picture;
      expect(kept).toMatch(/^data:image\/bmp;base64,/);
      const bytes = Buffer.from(kept.slice(kept.indexOf(',') + 1), 'base64');
      expect(bytes.length).toBe(54 + 32 * 32 * 3);
      // Whatever is named says the same, and shows in the image.
      const again = await client().create(ask(`data:image/png;base64,${png.toString('base64')}`));
      const other = await upload(await pictures[1]());
      const others = await client().create(ask(other.id));
      const drawn = [await made(first!), await made((await imagesOf(again.id))[0]!)];
      expect(drawn[1]).toBe(drawn[0]);
      expect(await made((await imagesOf(others.id))[0]!)).not.toBe(drawn[0]);
    }, 60_000);

    it.each([
      ['unknown-picture', '0'.repeat(64)],
      ['unknown-picture', 'a red hat'],
      ['unknown-picture', '\u0000'],
      ['picture-format', 'data:image/png;base64,AAAA'],
      ['field-invalid', 3],
      ['field-missing', undefined],
    ])('is refused with %s: %j', async (code, given) => {
      const refused = await client().create(ask(given));
      expect(refused).toMatchObject({ code, message: expect.stringMatching(/^\[.+\] got .+; expected .+\. .+\.$/) });
      expect(refused).toMatchObject({ field: ['input', 'images', 'condition', 'input', 'picture'] });
    });

    it('is refused where it has another size', async () => {
      const small = await upload(
        await sharp(await pictures[0]())
          .resize(8, 8)
          .png()
          .toBuffer(),
      );
      const refused = await client().create(ask(small.id));
      expect(refused).toMatchObject({
        code: 'picture-size',
        message: expect.stringContaining('a picture of 8 x 8 pixels; expected 32 x 32 pixels'),
      });
    });
  });
}

import type { PictureSize, SizeBounds, TokenizerPlugin } from '@tessera/core';
import { guardPlugin } from '../../guard/guard-plugin.ts';
import type { PartTrial } from '../options.ts';
import { withTokenizer, type OpenedTokenizer } from './opened-tokenizer.ts';

/** What is wrong with a tokenizer that says `sized`, or null: `check` looks at it for another size, from the same weights. */
export async function misshapenElsewhere(
  spec: PartTrial<TokenizerPlugin>,
  check: (opened: OpenedTokenizer) => Promise<string | null>,
): Promise<string | null> {
  const { plugin, trial } = spec;
  const { sized } = guardPlugin(plugin);
  const bounds = sized!.bounds(plugin.config.parse(trial.config, plugin.name));
  const own = await withTokenizer(spec, async ({ tokenizer: { image, layout } }) => ({ image, layout }));
  if (own.image.height !== bounds.own.height || own.image.width !== bounds.own.width)
    return `sized.bounds() with own = ${shown(bounds.own)} beside pictures of ${shown(own.image)}`;
  for (const size of otherSizes(bounds).slice(0, 1)) {
    const found = await withTokenizer({ ...spec, size }, async (opened) => {
      const { image, layout } = opened.tokenizer;
      if (image.height !== size.height || image.width !== size.width)
        return `pictures of ${shown(image)} where ${shown(size)} was asked for`;
      const [before, after] = [own.layout.scales.length, layout.scales.length];
      if (before !== after) return `${after} scales for ${shown(size)}, and ${before} for its own size`;
      return check(opened);
    });
    if (found !== null) return `${found}, for pictures of ${shown(size)}`;
  }
  return null;
}

/** A wider picture, or a narrower one, or one that is higher or lower: the first that there is. */
function otherSizes({ own: { height, width }, step, least, most }: SizeBounds): PictureSize[] {
  const near = (side: number): number[] =>
    [side + step - (side % step), side - (side % step || step)]
      .filter((one) => one >= least && one <= most)
      .slice(0, 1);
  return [
    ...near(width).map((one) => ({ height, width: one })),
    ...near(height).map((one) => ({ height: one, width })),
  ];
}

function shown({ height, width }: PictureSize): string {
  return `${width}x${height}`;
}

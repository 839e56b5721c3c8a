import { confidenceOrder, nearestName, nextScaleOrder, randomOrder, randomSetsOrder, rasterOrder } from '@tessera/core';
import type { BackbonePlugin, HeadPlugin, OrderPlugin, Parts, TokenizerPlugin } from '@tessera/core';
import { causalTransformer, maskedEncoderDecoder, nextScaleTransformer } from '@tessera/backbones';
import { TesseraError } from '@tessera/errors';
import { categoricalHead } from '@tessera/head-categorical';
import { diffusionHead } from '@tessera/head-diffusion';
import { klScalesTokenizer, klTokenizer } from '@tessera/tokenizer-continuous';
import { vqTokenizer } from '@tessera/tokenizer-vq';
import type { ComponentEntry, ModelManifest } from '../model.ts';

/** Plug-ins by kind. A plug-in's config and options types are its own business: its schemas check them. */
export interface Plugins {
  readonly tokenizers: readonly TokenizerPlugin[];
  readonly orders: readonly OrderPlugin[];
  readonly backbones: readonly BackbonePlugin[];
  readonly heads: readonly HeadPlugin[];
}

/** What Tessera brings along. */
export const builtInPlugins: Plugins = {
  tokenizers: [vqTokenizer as TokenizerPlugin, klTokenizer as TokenizerPlugin, klScalesTokenizer as TokenizerPlugin],
  orders: [
    nextScaleOrder as OrderPlugin,
    rasterOrder as OrderPlugin,
    randomOrder as OrderPlugin,
    randomSetsOrder as OrderPlugin,
    confidenceOrder as OrderPlugin,
  ],
  backbones: [
    nextScaleTransformer as BackbonePlugin,
    maskedEncoderDecoder as BackbonePlugin,
    causalTransformer as BackbonePlugin,
  ],
  heads: [categoricalHead as HeadPlugin, diffusionHead as HeadPlugin],
};

/**
 * Finds each component's plug-in by its name, among the given ones first.
 * @throws TesseraError plugin-unknown, which says what to install
 */
export function resolveParts(
  manifest: Pick<ModelManifest, 'tokenizer' | 'order' | 'backbone' | 'head'>,
  who: string,
  extra: Partial<Plugins> = {},
): Parts {
  const find = <P extends { readonly name: string }>(kind: keyof Plugins, entry: ComponentEntry): P => {
    const known = [...(extra[kind] ?? []), ...builtInPlugins[kind]] as unknown as readonly P[];
    const plugin = known.find(({ name }) => name === entry.plugin);
    if (plugin) return plugin;
    throw unknownPlugin(who, { kind, entry, known: known.map(({ name }) => name) });
  };
  const { tokenizer, order, backbone, head } = manifest;
  return {
    tokenizer: { plugin: find('tokenizers', tokenizer), config: tokenizer.config },
    order: { plugin: find('orders', order), config: order.config },
    backbone: { plugin: find('backbones', backbone), config: backbone.config },
    head: { plugin: find('heads', head), config: head.config },
  };
}

interface Unknown {
  readonly kind: keyof Plugins;
  readonly entry: ComponentEntry;
  readonly known: readonly string[];
}

function unknownPlugin(who: string, { kind, entry, known }: Unknown): TesseraError {
  const near = nearestName(entry.plugin, known);
  // Third-party plug-ins are named like their package: `@acme/gaussian`.
  const from = entry.package ?? (entry.plugin.includes('/') ? entry.plugin : null);
  const install = `Install ${from ?? 'the package that provides it'} and list its plug-in in tessera.config.ts.`;
  return new TesseraError({
    code: 'plugin-unknown',
    who,
    got: `the plug-in ${JSON.stringify(entry.plugin)} among its ${kind}`,
    expected: `one of ${known.join(', ')}`,
    next: from === null && near !== null ? `Did you mean ${near}?` : install,
  });
}

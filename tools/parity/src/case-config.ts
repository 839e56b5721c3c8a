import { vqConfig, type VqConfig } from '@tessera/tokenizer-vq';
import { TesseraError } from '@tessera/errors';
import { metadataOf, type CaseFile } from './case-file.ts';

/** Constructor arguments of the official tokenizer and transformer, as case files write them. */
export type CaseConfig = Readonly<Record<string, unknown>>;

const TOKENIZER_FIELDS = [
  'V',
  'Cvae',
  'ch',
  'ch_mult',
  'num_res_blocks',
  'in_channels',
  'patch_nums',
  'quant_resi',
  'share_quant_resi',
  'default_qresi_counts',
  'using_znorm',
  'beta',
  'quant_conv_ks',
];

export function configOf(file: CaseFile): CaseConfig {
  return metadataOf(file, 'config') as CaseConfig;
}

/** The tokenizer's part of a configuration. */
export function vqConfigOf(config: CaseConfig, who: string): VqConfig {
  const known = TOKENIZER_FIELDS.filter((field) => config[field] !== undefined);
  return vqConfig.parse(Object.fromEntries(known.map((field) => [field, config[field]])), who);
}

/** The path of a weight file, from the metadata. @throws TesseraError `case-metadata` */
export function weightFileOf(file: CaseFile, key: 'weights' | 'weights_vae' | 'weights_var' | 'weights_kl'): string {
  const path = file.metadata.get(key);
  if (path !== undefined) return path;
  throw new TesseraError({
    code: 'case-metadata',
    who: file.name,
    got: `no metadata ${key}`,
    expected: 'the path of a weight file, relative to the folder of the case',
  });
}

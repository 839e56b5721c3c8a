import type { AnyPlugin } from '@tessera/core';
import { TesseraError } from '@tessera/errors';
import type { Field } from '@tessera/schema';
import { caseOf, slug, type Case, type Check } from '../case.ts';
import type { Trial } from '../options.ts';
import { backboneCheck, ownBackbone } from './own-backbone.ts';
import { conditionCheck, ownCondition } from './own-condition.ts';
import { guidanceCheck, ownGuidance } from './own-guidance.ts';
import { headCheck, ownHead } from './own-head.ts';
import { orderCheck, ownOrder } from './own-order.ts';
import { ownTokenizer, tokenizerCheck } from './own-tokenizer.ts';

/** Cases that the author of a part has written as JSON. @throws TesseraError `field-invalid`, `field-unknown`, `own-twice` */
export function ownCases(plugin: AnyPlugin, trial: Trial): Case[] {
  const { name: who } = plugin;
  if (plugin.kind === 'guidance')
    return read(ownGuidance, trial, who).map((own) =>
      named(plugin, { trial, on: null, own }, guidanceCheck(plugin, trial, own)),
    );
  if (plugin.kind === 'order')
    return read(ownOrder, trial, who).map((own) =>
      named(plugin, { trial, on: null, own }, orderCheck(plugin, trial, own)),
    );
  const all = {
    head: () => read(ownHead, trial, who),
    backbone: () => read(ownBackbone, trial, who),
    tokenizer: () => read(ownTokenizer, trial, who),
    condition: () => read(ownCondition, trial, who),
  }[plugin.kind]();
  return trial.targets.flatMap((target) =>
    all.map((own) => {
      const spec = { trial, target };
      const check: Check =
        plugin.kind === 'head'
          ? headCheck({ ...spec, plugin }, own as Parameters<typeof headCheck>[1])
          : plugin.kind === 'backbone'
            ? backboneCheck({ ...spec, plugin }, own as Parameters<typeof backboneCheck>[1])
            : plugin.kind === 'condition'
              ? conditionCheck({ ...spec, plugin }, own as Parameters<typeof conditionCheck>[1])
              : tokenizerCheck({ ...spec, plugin }, own as Parameters<typeof tokenizerCheck>[1]);
      return named(plugin, { trial, on: target, own }, check);
    }),
  );
}

interface Named {
  readonly trial: Trial;
  readonly on: string | null;
  readonly own: { readonly name: string };
}

function named(plugin: AnyPlugin, { trial: { limit }, on, own }: Named, check: Check): Case {
  return caseOf({ plugin, property: 'own', on, title: own.name, limit }, check);
}

function read<T extends { readonly name: string }>(form: Field<T>, { own }: Trial, who: string): readonly T[] {
  const all = own.map((given, i) => form.read(given, { who, path: `own[${i}]` }));
  const names = all.map(({ name }) => slug(name));
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice === undefined) return all;
  throw new TesseraError({ code: 'own-twice', who, got: `two own cases named ${twice}`, expected: 'a name for each' });
}

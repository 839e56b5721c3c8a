import type { GuidanceKind } from './guidance.ts';
import { optionsOf, propertiesOf, type OptionParts } from './options.ts';
import type { GuidancePlugin } from './plugin.ts';

interface OfferedGuidances {
  /** The model's own kind first, then the others as they came. */
  readonly guidances: readonly GuidancePlugin[];
  /** Sentences for people: what is installed and not offered, and why. */
  readonly remarks: readonly string[];
}

/**
 * The guidances that requests to a model may name: those whose mixtures its head can make, and whose options have other
 * names than all before. None where the model has none itself, and none where nothing but Tessera's own would be offered.
 * @param own kind of the model
 * @param known the plug-ins by which it may be guided, Tessera's own and those of a project
 */
export function offeredGuidances(
  own: GuidanceKind,
  known: { readonly builtIn: readonly GuidancePlugin[]; readonly project: readonly GuidancePlugin[] },
  parts: OptionParts & { readonly head: { readonly name: string; readonly mixes?: string } },
): OfferedGuidances {
  if (own === 'none' || known.project.length === 0) return { guidances: [], remarks: [] };
  const names = new Set(Object.keys(optionsOf(parts).properties));
  const remarks: string[] = [];
  const offered = known.project.filter((plugin) => {
    const { mixes, name } = plugin;
    if (mixes && !mixes.some((kind) => kind === parts.head.mixes)) {
      remarks.push(
        `${name} is not offered: it mixes ${mixes.join(' or ')}, and ${parts.head.name} ${mixed(parts.head)}.`,
      );
      return false;
    }
    const options = Object.keys(propertiesOf(plugin.options()));
    const twice = options.find((option) => names.has(option));
    if (twice !== undefined) {
      remarks.push(`${name} is not offered: its option ${twice} is one of another part too.`);
      return false;
    }
    for (const option of options) names.add(option);
    return true;
  });
  if (offered.length === 0) return { guidances: [], remarks };
  const [first, ...others] = [...known.builtIn].sort(
    (one, other) => Number(other.name === own) - Number(one.name === own),
  );
  return { guidances: [first!, ...others, ...offered], remarks };
}

function mixed({ mixes }: { readonly mixes?: string }): string {
  return mixes === undefined ? 'lets no guidance mix its predictions' : `predicts ${mixes}`;
}

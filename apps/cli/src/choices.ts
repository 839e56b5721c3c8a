import type { JsonSchema } from '@tessera/schema';
import { printable } from '@tessera/errors';
import { wrongOption } from './numbers.ts';

/**
 * Reads `--set NAME=VALUE`: what the model's schema calls a string stays one; else numbers and true and false are what
 * they look like. Whether name and value make sense is for the model to say; a name is said once.
 * @throws TesseraError `option`
 */
export function readChoices(settings: readonly string[], { properties = {} }: JsonSchema): Record<string, unknown> {
  const read = new Map<string, unknown>();
  for (const setting of settings) {
    const [, name, value] = /^([^=]+)=(.*)$/s.exec(setting) ?? [];
    if (name === undefined || value === undefined) throw wrongOption('--set', setting, 'NAME=VALUE');
    if (read.has(name)) throw wrongOption('--set', `${name} twice`, 'each option once');
    const isText = Object.hasOwn(properties, name) && properties[name]!.type === 'string';
    read.set(name, isText ? value : plainValue(value));
  }
  return Object.fromEntries(read);
}

function plainValue(text: string): unknown {
  if (text === 'true' || text === 'false') return text === 'true';
  return text.trim() !== '' && Number.isFinite(Number(text)) ? Number(text) : text;
}

/** One line per option: `topP  number from 0 to 1, default 0.95: what it does`. */
export function choiceLines({ properties = {} }: JsonSchema): string[] {
  const width = Math.max(0, ...Object.keys(properties).map((name) => Math.min(name.length, 60)));
  return Object.entries(properties).map(([name, property]) => {
    const { description, default: own } = property;
    const normally = own === undefined ? '' : `, default ${String(own)}`;
    const line = `${name.padEnd(width)}  ${kindOf(property)}${normally}${description === undefined ? '' : `: ${description}`}`;
    return printable(line);
  });
}

function kindOf({ type, minimum, exclusiveMinimum: above, maximum, enum: allowed }: JsonSchema): string {
  if (allowed) return allowed.join(' or ');
  if (type === 'boolean') return 'true or false';
  const kind = type ?? 'value';
  if (above !== undefined) return `${kind} above ${above}${maximum === undefined ? '' : `, ${maximum} at most`}`;
  const from = minimum === undefined ? '' : ` from ${minimum}`;
  return `${kind}${from}${maximum === undefined ? '' : `${from ? '' : ' up'} to ${maximum}`}`;
}

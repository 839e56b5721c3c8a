import { checkOptionNames } from '@tessera/core';
import type { JsonSchema, Schema } from '@tessera/schema';
import { callPart, checkMembers, wrongShape, type PartCall } from './part-call.ts';

/**
 * A schema that a plug-in gives, to be asked and shown: its JSON Schema is plain data, which forms, help texts and other
 * processes read. @throws TesseraError `part-failed`, `part-shape`
 */
export function guardSchema(part: PartCall, give: () => Schema<unknown>): Schema<unknown> {
  const given = callPart(part, give);
  checkMembers(part, given, ['parse', 'json']);
  const of = (call: string): PartCall => ({ ...part, call: `${part.call}.${call}` });
  const json = callPart(of('json'), () => JSON.parse(JSON.stringify(given.json)) as JsonSchema);
  const described = Object.values(json?.properties ?? {}).every((one) => typeof one === 'object' && one !== null);
  if (typeof json !== 'object' || !described) throw wrongShape(of('json'), 'a value', 'the JSON Schema of an object');
  return { json, parse: (value, who) => callPart({ ...of('parse()'), quotes: true }, () => given.parse(value, who)) };
}

/** The same of request-time options, whose names requests say. @throws TesseraError also `option-taken`, `option-name` */
export function guardOptions(name: string, give: () => Schema<unknown>): Schema<unknown> {
  const options = guardSchema({ name, call: 'options()' }, give);
  checkOptionNames(name, options.json);
  return options;
}

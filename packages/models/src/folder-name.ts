import { schema } from '@tessera/schema';

/** Longest name in bytes: the temporary names beside it add a few, and file systems take 255. */
const longest = 200;

/** Devices of Windows, with or without an extension. */
const reserved = /^(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|$)/i;

/**
 * A name that makes one folder, inside of the folder that it is joined to, on every system: recipes and models are named
 * so, and their names come from files of others.
 */
export const folderName = schema.refine(schema.string(), (name) => {
  const fits =
    name.trim() === name &&
    !/^$|^\.|\.$|[/\\:*?"<>|]|[\p{Cc}\p{Cs}]/u.test(name) &&
    !reserved.test(name) &&
    new TextEncoder().encode(name).length <= longest;
  return fits
    ? null
    : `the name of one folder on any system, as my-model (without / \\ : * ? " < > | and dots at its ends)`;
});

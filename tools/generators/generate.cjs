const { joinPathFragments, names, offsetFromRoot, workspaceRoot } = require('@nx/devkit');
const { readFileSync, readdirSync } = require('node:fs');
const { isAbsolute, join, relative, resolve } = require('node:path');

/** What a new plug-in begins as: the example of its kind, under another name. */
const models = { head: 'gaussian', tokenizer: 'patches', order: 'checkerboard' };

const copied =
  /^(src\/.*\.ts|package\.json|conformance\.json|README\.md|tsconfig\.json|tsconfig\.build\.json|vitest\.config\.ts)$/;

/** Writes one folder and nothing outside of it. */
function generator(kind) {
  return async (tree, { name, scope = 'local', directory = 'packages' }) => {
    const { fileName, propertyName } = names(name);
    checkName(name, fileName);
    const parent = inside(directory, kind);
    const folder = joinPathFragments(parent, `${kind}-${fileName}`);
    if (tree.exists(joinPathFragments(folder, 'package.json'))) {
      throw new Error(`${folder} is there already: choose another name, or delete it.`);
    }
    const old = names(models[kind]);
    const Kind = kind[0].toUpperCase() + kind.slice(1);
    const renamed = (text) =>
      text
        .replaceAll(`@tessera-examples/${kind}-${old.fileName}`, `@${scope}/${kind}-${fileName}`)
        .replaceAll(`examples/${kind}-${old.fileName}`, folder)
        .replaceAll(`${old.propertyName}${Kind}`, `${propertyName}${Kind}`)
        .replaceAll(`${old.fileName}-${kind}`, `${fileName}-${kind}`)
        .replace(/ `nx g [^`]+` starts from it\./, '')
        .replaceAll('../../', offsetFromRoot(folder));
    const source = join(workspaceRoot, 'examples', `${kind}-${old.fileName}`);
    for (const file of filesOf(source)) {
      const text = renamed(readFileSync(join(source, file), 'utf8'));
      tree.write(joinPathFragments(folder, renamed(file)), file === 'package.json' ? own(text) : text);
    }
    return () => console.log(`Now: ${linked(tree, parent)}npx vitest run --root ${folder}`);
  };
}

function checkName(name, fileName) {
  if (/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(fileName)) return;
  throw new Error(
    `[generators] got the name ${name}; expected words of letters and digits with hyphens between them, like snake-walk. Say where with --directory.`,
  );
}

/** The directory, from the root of the repository: what is made uses the tools that lie there. */
function inside(directory, kind) {
  const found = relative(workspaceRoot, resolve(workspaceRoot, directory));
  if (!isAbsolute(found) && !/^\.\.($|[\\/])/.test(found)) return found;
  throw new Error(
    `[generators] got the directory ${directory}, which is outside of this repository; expected one inside, whose tools the package uses. In a project of your own begin with a copy of examples/${kind}-${models[kind]}/src: docs/plugins.md, "Outside of this repository".`,
  );
}

/** A new workspace wants to be linked, so that others find it by its name. */
function linked(tree, directory) {
  const { workspaces } = JSON.parse(tree.read('package.json', 'utf8'));
  return workspaces.includes(joinPathFragments(directory, '*')) ? 'npm install && ' : '';
}

function filesOf(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).replaceAll('\\', '/'))
    .filter((file) => copied.test(file));
}

/** Yours alone until you publish it. */
function own(text) {
  const { name, version, description, ...rest } = JSON.parse(text);
  const manifest = { name, version, private: true, description, ...rest, nx: { tags: ['type:part'] } };
  return `${JSON.stringify(manifest, null, 2)}\n`;
}

module.exports = { head: generator('head'), tokenizer: generator('tokenizer'), order: generator('order') };

import { openModel, outlineModel, type Model, type ModelOutline, type Plugins } from '@tessera/models';
import { createEngine, type EngineOptions } from '@tessera/targets';
import { requireSameClasses } from '@tessera/training';
import { projectPlugins, sayRemarks } from '../project.ts';
import type { Terminal } from '../terminal.ts';
import { openReference, recipeReference, requireSameSize, type OpenedReference } from './reference.ts';
import { findRecipe, openNetwork, openSession, type Session } from './session.ts';
import { settingsOf, type Settings } from './settings.ts';

/** A model beside what its images are compared with. */
export interface ModelSession {
  readonly model: Model;
  readonly outline: ModelOutline;
  readonly opened: OpenedReference;
  readonly plugins: Plugins;
  readonly session: Session;
  dispose(): void;
}

interface ModelSessionOptions {
  readonly folder: string;
  /** What to compare with; by default the recipe that has the model's name. */
  readonly against: string | undefined;
  readonly network: string | undefined;
  readonly size: number | undefined;
  readonly samples: number;
  readonly engine: EngineOptions;
  /** All settings that will be used: what the model cannot use is refused before anything is measured. */
  readonly settings: (outline: ModelOutline) => readonly Settings[];
}

/** Opens a model and measures the images that it is compared with. @throws TesseraError those of all that is opened */
export async function openModelSession(options: ModelSessionOptions, terminal: Terminal): Promise<ModelSession> {
  const { folder, against, samples } = options;
  const plugins = await projectPlugins(terminal);
  const outline = await outlineModel(folder, plugins);
  sayRemarks(outline, terminal);
  for (const settings of options.settings(outline)) settingsOf(outline, settings);
  const engine = createEngine(options.engine);
  const opening: { dispose(): void }[] = [engine];
  const dispose = (): void => opening.reverse().forEach((part) => part.dispose());
  const keep = <T extends { dispose(): void }>(part: T): T => (opening.push(part), part);
  try {
    const model = keep(await openModel(folder, { engine, plugins }));
    const { image } = model;
    const opened = against
      ? await openReference(against, { size: options.size, channels: image.channels })
      : await recipeReference(await findRecipe(folder));
    if (opened.classes && model.condition.classes !== null) {
      requireSameClasses(outline.manifest.classes, opened.classes, opened.name);
    }
    requireSameSize({ name: model.name, image }, opened);
    const network = keep(await openNetwork(options.network, opened, terminal));
    const session = keep(await openSession({ engine, network, opened, image, samples }));
    for (const remark of session.reference.remarks) terminal.err(`Note: ${remark}`);
    return { model, outline, opened, plugins, session, dispose };
  } catch (error) {
    dispose();
    throw error;
  }
}

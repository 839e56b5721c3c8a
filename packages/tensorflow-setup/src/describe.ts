import { findInstallation, installationFolder, whyNotInstalled } from './installation.ts';
import { verifyBinding } from './verify-binding.ts';

/** One line for health pages: TensorFlow's version and where it computes, or how to get it. */
export async function describeTensorFlow(environment: NodeJS.ProcessEnv = process.env): Promise<string> {
  const found = findInstallation(environment);
  if (!found) {
    const folder = installationFolder(environment);
    return `${whyNotInstalled(environment)} in ${folder} (optional: tessera setup tensorflow)`;
  }
  try {
    const { version, isOnGpu } = await verifyBinding(found.binding);
    return `${version}, computes on the ${isOnGpu ? 'GPU' : 'CPU'} (${found.folder})`;
  } catch (error) {
    return `broken: ${error instanceof Error ? error.message : String(error)}`;
  }
}

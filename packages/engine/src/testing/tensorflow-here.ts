import { findInstallation, installationFolder, whyNotInstalled } from '@tessera/tensorflow-setup';

/** Whether this user's cache has a TensorFlow, which `tessera setup tensorflow` puts there. */
export const isTensorFlowHere = findInstallation() !== null;

/** For the names of suites: why they are skipped. */
export const tensorFlowSkip = isTensorFlowHere
  ? ''
  : ` (skipped: TensorFlow is ${whyNotInstalled()} in ${installationFolder()})`;

export { describeTensorFlow } from './installation.ts';
export {
  findInstallation,
  installationFolder,
  requireInstallation,
  whyNotInstalled,
  type Installation,
} from './installation.ts';
export { setupTensorFlow, type SetupRequest } from './setup-tensorflow.ts';
export { bindingFile } from './binding.ts';
export { TFJS } from './binding.ts';

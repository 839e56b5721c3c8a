export { describeTensorFlow } from './describe.ts';
export {
  findInstallation,
  installationFolder,
  requireInstallation,
  whyNotInstalled,
  type Installation,
} from './installation.ts';
export { setupTensorFlow, type SetupRequest } from './setup-tensorflow.ts';
export { bindingFile } from './native.ts';
export { TFJS } from './stand-ins.ts';

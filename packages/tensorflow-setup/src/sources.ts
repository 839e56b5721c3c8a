import { TesseraError } from '@tessera/errors';

/** What the setup fetches. A new TensorFlow means new lines here, and the parity run on it. */
export const VERSION = '2.21.0';
export const KERNELS: PackageSource = {
  spec: '@tensorflow/tfjs-node-gpu@4.22.0',
  sha512: 'p//NN6DGiN4hInUmIkRffaFVMcdTREUMjPyjW04J7OXvB2zBlQimj61eFKSgRrH3f5TnOfKzb0n56he/B6a4bw==',
};
export const HEADERS: PackageSource = {
  spec: 'node-api-headers@1.9.0',
  sha512: '2oNILP4jXwRB4ywnYKjVk1YyJ96n2D4EOVJO6S3oYZ5PtbJrw3Yt9TpAuX3nBLMuzn74rnfGQrv13pS9vC+YiA==',
};

/** A package of npm, and the checksum of its archive in base64, as the registry states it. */
export interface PackageSource {
  readonly spec: string;
  readonly sha512: string;
}

export interface WheelSource {
  /** Name on PyPI. */
  readonly project: string;
  /** pip is asked for the wheel of Python 3.11: the checksum is that file's, and its libraries link no Python. */
  readonly platform: string;
  readonly sha256: string;
}

export type Variant = 'cpu' | 'gpu';

const WHEELS: Readonly<Record<string, WheelSource>> = {
  'linux-x64 cpu': {
    project: 'tensorflow-cpu',
    platform: 'manylinux_2_27_x86_64',
    sha256: '2b847d217b02ee7731ed91431daf3250daa0196c3c94614d23be27232e6e5b6c',
  },
  'linux-x64 gpu': {
    project: 'tensorflow',
    platform: 'manylinux_2_27_x86_64',
    sha256: '9056fbc9ba04235810b71ae6cbd958a196e8804fb53bbcffbf3e23b56155f124',
  },
  'darwin-arm64 cpu': {
    project: 'tensorflow',
    platform: 'macosx_12_0_arm64',
    sha256: '51f46f4806139d01fc7920cc72a4c75876f80649bf40ff083ab6212ceb43ca88',
  },
};

/** CUDA as the wheel asks for it by its extra `and-cuda`. */
export const CUDA_PACKAGES: readonly string[] = [
  'nvidia-cublas-cu12>=12.5.3.2,<13',
  'nvidia-cuda-cupti-cu12>=12.5.82,<13',
  'nvidia-cuda-nvcc-cu12>=12.5.82,<13',
  'nvidia-cuda-nvrtc-cu12>=12.5.82,<13',
  'nvidia-cuda-runtime-cu12>=12.5.82,<13',
  'nvidia-cudnn-cu12>=9.3.0.75,<10',
  'nvidia-cufft-cu12>=11.2.3.61,<12',
  'nvidia-curand-cu12>=10.3.6.82,<11',
  'nvidia-cusolver-cu12>=11.6.3.83,<12',
  'nvidia-cusparse-cu12>=12.5.1.3,<13',
  'nvidia-nccl-cu12>=2.27.7,<3',
  'nvidia-nvjitlink-cu12>=12.5.82,<13',
];

/** @throws TesseraError `platform-unsupported` */
export function wheelFor(platform: string, variant: Variant): WheelSource {
  const wheel = WHEELS[`${platform} ${variant}`];
  if (wheel) return wheel;
  throw new TesseraError({
    code: 'platform-unsupported',
    who: 'tessera setup tensorflow',
    got: `${platform}, ${variant}`,
    expected: Object.keys(WHEELS).join(', '),
    next: 'Use the target onnx, which needs only npm.',
  });
}

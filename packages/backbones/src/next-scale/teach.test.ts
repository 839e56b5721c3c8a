import * as tf from '@tensorflow/tfjs';
import type { Tensor, Tensor2D, Tensor3D } from '@tensorflow/tfjs';
import type { Lesson, TrainContext } from '@tessera/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { furthest, readRecorded, recordedWeights } from '../../fixtures/recorded.ts';
import { modelOf } from '../../fixtures/tiny-model.ts';
import { teach } from './teach.ts';

const still: TrainContext = {
  train: false,
  rng: {
    uniform: () => {
      throw new Error('nothing is random here');
    },
    normal: () => {
      throw new Error('nothing is random here');
    },
  },
};

import { reconstruct, type VqVae } from '@tessera/tokenizer-vq';
import {
  reconstructionLoss,
  type ImageBatch,
  type ReconstructionLoss,
  type ReconstructionOptions,
} from './reconstruction-loss.ts';

/**
 * Loss of the multi-scale VQ-VAE (VAR section 3.2): reconstruction, codebook and commitment. Aux: `quantiser` (codebook
 * and commitment), `hits_SV`, and `residual_BLC`, what each scale had to explain. Pure and traceable.
 */
export function vqLoss(model: VqVae, options: ReconstructionOptions): (batch: ImageBatch) => ReconstructionLoss {
  return reconstructionLoss((image_BHWC) => {
    const { image_BHWC: made_BHWC, loss, hits_SV, residual_BLC } = reconstruct(model, image_BHWC);
    return { made_BHWC, own: loss, aux: { quantiser: loss, hits_SV, residual_BLC } };
  }, options);
}

"""Generates whole images with MAR and the KL-VAE's decoder, as fast as eager PyTorch does it on a CPU."""

import math
import time

import torch

from mar import Chain, Denoiser, Trunk, sample_tokens
from precision import prepare
from protocol import read_safetensors, serve, settings
from vqvae import Decoder


def main():
    options = settings()
    backbone, head, tokenizer = (read_safetensors(path) for path in options["files"])
    in_precision = prepare(options, backbone, head, tokenizer)
    trunk = Trunk(backbone, options["encoder"], options["decoder"], options["buffer"])
    denoiser = Denoiser(head, options["blocks"])
    decoder = Decoder(tokenizer, channels_last=True)
    chain = Chain(options["denoising"])
    length, channels = trunk.w["diffusion_pos_embed_learned"].shape[1], trunk.w["z_proj.weight"].shape[1]
    side = math.isqrt(length)
    cond = torch.cat([trunk.w["class_emb.weight"][options["label"]][None], trunk.w["fake_latent"]])

    def run():
        with in_precision():
            return image_in(options["steps"])

    @torch.inference_mode()
    def image_in(steps):
        begin = time.perf_counter()
        order = torch.randperm(length)
        tokens = torch.zeros(1, length, channels)
        left, first, thinking = length, 0.0, 0.0
        for step in range(steps):
            start = time.perf_counter()
            falling = math.floor(length * math.cos(math.pi / 2 * (step + 1) / steps))
            after = 0 if step == steps - 1 else max(1, min(left - 1, falling))
            known = order[left:].sort().values
            hidden = trunk(cond, tokens[:, known], known[None])
            thinking += time.perf_counter() - start
            position = order[after:left]
            weight = 1 + (options["cfg"] - 1) * (length - max(1, after)) / length
            z = torch.cat([hidden[0, position], hidden[1, position]])
            tokens[0, position] = sample_tokens(denoiser, chain, z, weight, 1.0)
            left = after
            if step == 0:
                first = time.perf_counter() - begin
        drawn = time.perf_counter()
        latent = tokens.transpose(1, 2).reshape(1, channels, side, side) / options["latentScale"]
        image = decoder(latent)
        end = time.perf_counter()
        assert torch.isfinite(image).all()
        return {
            "total": end - begin,
            "tokens": drawn - begin,
            "backbone": thinking,
            "decoder": end - drawn,
            "first": first,
        }

    with in_precision():
        image_in(2)
    serve(run)


if __name__ == "__main__":
    main()

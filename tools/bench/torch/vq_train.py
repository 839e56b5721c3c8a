"""One training step of the multi-scale VQ-VAE as eager PyTorch does it on a CPU: forward, backward, clipping, AdamW."""

import time

import torch
import torch.nn.functional as F

from protocol import read_safetensors, serve, settings
from vqvae import Decoder


class VqVae:
    """The whole network over a dictionary of official names, straight through its quantiser."""

    def __init__(self, options):
        stored = read_safetensors(options["weights"])
        layout = torch.channels_last
        self.weights = {
            name: (tensor.clone(memory_format=layout) if tensor.dim() == 4 else tensor.clone()).requires_grad_()
            for name, tensor in stored.items()
        }
        self.decoder = Decoder(self.weights, channels_last=True)
        self.decoder.weights = self.weights
        self.patch_nums, self.phi_index = options["patchNums"], options["phiIndex"]
        self.levels, self.blocks = options["levels"], options["blocks"]
        self.beta = options["beta"]

    def loss(self, image):
        features = self.encode(image)
        f_hat, vq_loss = self.quantize(features)
        made = self.decode(f_hat)
        return F.l1_loss(made, image) + F.mse_loss(made, image) + vq_loss

    def encode(self, image):
        d = self.decoder
        x = d.conv("encoder.conv_in", image, 1)
        for level in range(self.levels):
            for block in range(self.blocks):
                x = d.residual(f"encoder.down.{level}.block.{block}", x)
                if level == self.levels - 1:
                    x = d.attention(f"encoder.down.{level}.attn.{block}", x)
            if level < self.levels - 1:
                name = f"encoder.down.{level}.downsample.conv"
                weight, bias = self.weights[f"{name}.weight"], self.weights[f"{name}.bias"]
                x = F.conv2d(F.pad(x, (0, 1, 0, 1)), weight, bias, stride=2)
        x = d.residual("encoder.mid.block_1", x)
        x = d.residual("encoder.mid.block_2", d.attention("encoder.mid.attn_1", x))
        x = d.conv("encoder.conv_out", d.norm_silu("encoder.norm_out", x), 1)
        return d.conv("quant_conv", x, 1)

    def quantize(self, features):
        codebook = self.weights["quantize.embedding.weight"]
        fixed = features.detach()
        rest, f_hat, losses = fixed, torch.zeros_like(fixed), []
        side = self.patch_nums[-1]
        for scale, count in enumerate(self.patch_nums):
            with torch.no_grad():
                z = rest if count == side else F.interpolate(rest, size=(count, count), mode="area")
                z = z.permute(0, 2, 3, 1).reshape(-1, codebook.shape[1])
                lengths = z.square().sum(1, keepdim=True) + codebook.square().sum(1)
                index = torch.addmm(lengths, z, codebook.T, alpha=-2).argmin(1)
            h = F.embedding(index, codebook).view(features.shape[0], count, count, -1).permute(0, 3, 1, 2)
            if count != side:
                h = F.interpolate(h, size=(side, side), mode="bicubic")
            name = f"quantize.quant_resi.qresi_ls.{self.phi_index[scale]}"
            phi = F.conv2d(h.contiguous(), self.weights[f"{name}.weight"], self.weights[f"{name}.bias"], padding=1)
            h = 0.5 * h + 0.5 * phi
            f_hat = f_hat + h
            rest = rest - h.detach()
            losses.append(F.mse_loss(f_hat.detach(), features) * self.beta + F.mse_loss(f_hat, fixed))
        return features + (f_hat - features).detach(), sum(losses) / len(losses)

    def decode(self, f_hat):
        d = self.decoder
        x = d.conv("decoder.conv_in", d.conv("post_quant_conv", f_hat, 1), 1)
        x = d.residual("decoder.mid.block_1", x)
        x = d.residual("decoder.mid.block_2", d.attention("decoder.mid.attn_1", x))
        for level in reversed(range(self.levels)):
            x = d.level(level, x)
        return d.conv("decoder.conv_out", d.norm_silu("decoder.norm_out", x), 1)


def main():
    options = settings()
    model = VqVae(options)
    side = options["patchNums"][-1] * 2 ** (options["levels"] - 1)
    image = torch.rand(options["batch"], 3, side, side).mul(2).sub(1).contiguous(memory_format=torch.channels_last)
    params = list(model.weights.values())
    optimizer = torch.optim.AdamW(params, lr=1e-4, betas=(0.9, 0.99), eps=1e-8, weight_decay=0, fused=True)

    def run():
        start = time.perf_counter()
        loss = model.loss(image)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(params, 1.0)
        optimizer.step()
        loss = loss.item()
        return {"total": time.perf_counter() - start, "loss": loss}

    serve(run, parameters=sum(p.numel() for p in params))


if __name__ == "__main__":
    main()

"""The decoding half of the VQ-VAE and the KL-VAE, and the quantiser, functional, over a dictionary of official names."""

import torch
import torch.nn.functional as F


class Decoder:
    """f_hat [B, C, h, w] -> image [B, 3, H, W] in [0, 1]."""

    def __init__(self, weights, channels_last):
        layout = torch.channels_last if channels_last else torch.contiguous_format
        self.weights = {
            name: tensor.contiguous(memory_format=layout) if tensor.dim() == 4 else tensor.contiguous()
            for name, tensor in weights.items()
            if name.startswith(("decoder.", "post_quant_conv."))
        }
        self.layout = layout
        self.levels = 1 + max(int(name.split(".")[2]) for name in self.weights if name.startswith("decoder.up."))

    def __call__(self, f_hat):
        pad = self.weights["post_quant_conv.weight"].shape[2] // 2
        x = self.conv("post_quant_conv", f_hat.contiguous(memory_format=self.layout), pad)
        x = self.conv("decoder.conv_in", x, 1)
        x = self.residual("decoder.mid.block_1", x)
        x = self.attention("decoder.mid.attn_1", x)
        x = self.residual("decoder.mid.block_2", x)
        for level in reversed(range(self.levels)):
            x = self.level(level, x)
        x = self.conv("decoder.conv_out", self.norm_silu("decoder.norm_out", x), 1)
        return x.clamp_(-1, 1).add_(1).mul_(0.5)

    def level(self, level, x):
        block = 0
        while f"decoder.up.{level}.block.{block}.conv1.weight" in self.weights:
            x = self.residual(f"decoder.up.{level}.block.{block}", x)
            if f"decoder.up.{level}.attn.{block}.qkv.weight" in self.weights:
                x = self.attention(f"decoder.up.{level}.attn.{block}", x)
            block += 1
        if level > 0:
            x = self.conv(f"decoder.up.{level}.upsample.conv", F.interpolate(x, scale_factor=2, mode="nearest"), 1)
        return x

    def conv(self, name, x, pad):
        return F.conv2d(x, self.weights[f"{name}.weight"], self.weights[f"{name}.bias"], padding=pad)

    def norm_silu(self, name, x):
        normed = F.group_norm(x, 32, self.weights[f"{name}.weight"], self.weights[f"{name}.bias"], eps=1e-6)
        return F.silu(normed, inplace=not torch.is_grad_enabled())

    def residual(self, name, x):
        h = self.conv(f"{name}.conv1", self.norm_silu(f"{name}.norm1", x), 1)
        h = self.conv(f"{name}.conv2", self.norm_silu(f"{name}.norm2", h), 1)
        shortcut = f"{name}.nin_shortcut"
        return h + (self.conv(shortcut, x, 0) if f"{shortcut}.weight" in self.weights else x)

    def attention(self, name, x):
        b, c, height, width = x.shape
        normed = F.group_norm(x, 32, self.weights[f"{name}.norm.weight"], self.weights[f"{name}.norm.bias"], eps=1e-6)
        if f"{name}.qkv.weight" in self.weights:
            parts = self.conv(f"{name}.qkv", normed, 0).split(c, dim=1)
        else:
            parts = [self.conv(f"{name}.{part}", normed, 0) for part in "qkv"]
        q, k, v = (part.flatten(2).transpose(1, 2).unsqueeze(1) for part in parts)
        out = F.scaled_dot_product_attention(q, k, v, scale=c**-0.5)
        out = out.squeeze(1).transpose(1, 2).reshape(b, c, height, width).contiguous(memory_format=self.layout)
        return x + self.conv(f"{name}.proj_out", out, 0)


class Quantizer:
    """Adds one scale's codebook vectors to the running map and gives the next scale's input."""

    def __init__(self, weights, patch_nums, phi_index):
        self.codebook = weights["quantize.embedding.weight"].contiguous()
        self.phis = [
            (
                weights[f"quantize.quant_resi.qresi_ls.{index}.weight"].contiguous(),
                weights[f"quantize.quant_resi.qresi_ls.{index}.bias"].contiguous(),
            )
            for index in phi_index
        ]
        self.patch_nums = patch_nums

    def add(self, scale, f_hat, index):
        side, last = self.patch_nums[scale], self.patch_nums[-1]
        h = self.codebook[index].transpose(1, 2).reshape(f_hat.shape[0], -1, side, side)
        if side != last:
            h = F.interpolate(h, size=(last, last), mode="bicubic")
        weight, bias = self.phis[scale]
        f_hat.add_(h, alpha=0.5).add_(F.conv2d(h, weight, bias, padding=1), alpha=0.5)
        if scale + 1 == len(self.patch_nums):
            return None
        following = self.patch_nums[scale + 1]
        return F.interpolate(f_hat, size=(following, following), mode="area")

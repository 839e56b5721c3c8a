"""Generates whole images with VAR and its tokenizer's decoder, as fast as eager PyTorch does it on a CPU.

Attention is scaled_dot_product_attention over preallocated caches; what depends on the class alone (the modulations of
all blocks) is computed once per image; nothing records gradients.
"""

import math
import time

import torch
import torch.nn.functional as F

from precision import prepare
from protocol import read_safetensors, serve, settings
from vqvae import Decoder, Quantizer


class Transformer:
    def __init__(self, weights, options):
        self.w = {name: tensor.contiguous() for name, tensor in weights.items()}
        self.depth, self.heads = options["depth"], options["heads"]
        self.patch_nums = options["patchNums"]
        self.width = self.w["class_emb.weight"].shape[1]
        length = sum(side * side for side in self.patch_nums)
        level = torch.cat([torch.full((side * side,), scale) for scale, side in enumerate(self.patch_nums)])
        self.position = self.w["lvl_embed.weight"][level][None] + self.w["pos_1LC"][:, :length]
        self.bias = [
            torch.cat([self.block(i, "attn.q_bias"), torch.zeros(self.width), self.block(i, "attn.v_bias")])
            for i in range(self.depth)
        ]
        self.scale = [
            self.block(i, "attn.scale_mul_1H11").clamp(max=math.log(100)).exp() for i in range(self.depth)
        ]
        head_size = self.width // self.heads
        self.cache = torch.empty(self.depth, 2, 2, self.heads, length, head_size)

    def block(self, i, name):
        return self.w[f"blocks.{i}.{name}"]

    def start(self, label):
        """Modulations of every block for the rows [label, null], and the first scale's input."""
        null = self.w["class_emb.weight"].shape[0] - 1
        cond = self.w["class_emb.weight"][torch.tensor([label, null])]
        silu = F.silu(cond)
        self.modulation = [
            F.linear(silu, self.block(i, "ada_lin.1.weight"), self.block(i, "ada_lin.1.bias"))
            .view(2, 1, 6, self.width)
            .unbind(2)
            for i in range(self.depth)
        ]
        head = F.linear(silu, self.w["head_nm.ada_lin.1.weight"], self.w["head_nm.ada_lin.1.bias"])
        self.head_modulation = head.view(2, 1, 2, self.width).unbind(2)
        self.written = 0
        first = self.patch_nums[0] ** 2
        return cond[:, None] + self.w["pos_start"] + self.position[:, :first]

    def next_input(self, next_map):
        tokens = next_map.flatten(2).transpose(1, 2)
        x = F.linear(tokens, self.w["word_embed.weight"], self.w["word_embed.bias"])
        x = x + self.position[:, self.written : self.written + tokens.shape[1]]
        return x.expand(2, -1, -1)

    def logits(self, x):
        for i in range(self.depth):
            x = self.run_block(i, x)
        self.written += x.shape[1]
        scale, shift = self.head_modulation
        h = torch.addcmul(shift, F.layer_norm(x, (self.width,), eps=1e-6), scale + 1)
        return F.linear(h, self.w["head.weight"], self.w["head.bias"])

    def run_block(self, i, x):
        gamma1, gamma2, scale1, scale2, shift1, shift2 = self.modulation[i]
        h = torch.addcmul(shift1, F.layer_norm(x, (self.width,), eps=1e-6), scale1 + 1)
        x = torch.addcmul(x, gamma1, self.attention(i, h))
        h = torch.addcmul(shift2, F.layer_norm(x, (self.width,), eps=1e-6), scale2 + 1)
        h = F.gelu(F.linear(h, self.block(i, "ffn.fc1.weight"), self.block(i, "ffn.fc1.bias")), approximate="tanh")
        return torch.addcmul(x, gamma2, F.linear(h, self.block(i, "ffn.fc2.weight"), self.block(i, "ffn.fc2.bias")))

    def attention(self, i, h):
        rows, count, _ = h.shape
        qkv = F.linear(h, self.block(i, "attn.mat_qkv.weight"), self.bias[i])
        q, k, v = qkv.view(rows, count, 3, self.heads, -1).permute(2, 0, 3, 1, 4).unbind(0)
        end = self.written + count
        keys, values = self.cache[i, 0, :, :, :end], self.cache[i, 1, :, :, :end]
        keys[:, :, self.written :] = F.normalize(k, dim=-1)
        values[:, :, self.written :] = v
        q = F.normalize(q, dim=-1).mul_(self.scale[i])
        out = F.scaled_dot_product_attention(q, keys, values, scale=1.0).transpose(1, 2).reshape(rows, count, -1)
        return F.linear(out, self.block(i, "attn.proj.weight"), self.block(i, "attn.proj.bias"))


def draw(logits, top_k, top_p):
    """Top-k, then top-p on what is left, then one index per token: [1, l, V] -> [1, l]."""
    if top_k > 0:
        smallest = logits.topk(top_k, dim=-1).values[..., -1:]
        logits = logits.masked_fill(logits < smallest, -math.inf)
    if top_p > 0:
        ordered, order = logits.sort(dim=-1)
        removed = ordered.softmax(dim=-1).cumsum(dim=-1) <= 1 - top_p
        removed[..., -1] = False
        logits = logits.masked_fill(removed.scatter(-1, order, removed), -math.inf)
    return torch.multinomial(logits.softmax(dim=-1)[0], 1).T


def main():
    options = settings()
    backbone, head, tokenizer = (read_safetensors(path) for path in options["files"])
    in_precision = prepare(options, backbone, head, tokenizer)
    transformer = Transformer({**backbone, **head}, options)
    decoder = Decoder(tokenizer, channels_last=True)
    quantizer = Quantizer(tokenizer, options["patchNums"], options["phiIndex"])
    scales, last = len(options["patchNums"]), options["patchNums"][-1]

    @torch.inference_mode()
    def run():
        with in_precision():
            return image()

    def image():
        start = time.perf_counter()
        x = transformer.start(options["label"])
        f_hat = torch.zeros(1, quantizer.codebook.shape[1], last, last)
        for scale in range(scales):
            conditional, null = transformer.logits(x).chunk(2)
            t = options["cfg"] * scale / (scales - 1)
            index = draw(((1 + t) * conditional - t * null).float(), options["topK"], options["topP"])
            following = quantizer.add(scale, f_hat, index)
            if scale == 0:
                first = time.perf_counter()
            if following is not None:
                x = transformer.next_input(following)
        drawn = time.perf_counter()
        pixels = decoder(f_hat)
        end = time.perf_counter()
        assert torch.isfinite(pixels).all()
        return {"total": end - start, "tokens": drawn - start, "decoder": end - drawn, "first": first - start}

    serve(run)


if __name__ == "__main__":
    main()

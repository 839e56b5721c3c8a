"""One training step of the VAR transformer as eager PyTorch does it on a CPU: forward, backward, clipping, AdamW.

The inputs (codebook vectors and target indices) are given, so the tokenizer takes no part.
"""

import math
import time

import torch
import torch.nn.functional as F
from torch import nn

from protocol import serve, settings


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.width, self.heads = width, heads
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.q_bias = nn.Parameter(torch.zeros(width))
        self.v_bias = nn.Parameter(torch.zeros(width))
        self.register_buffer("zero_k_bias", torch.zeros(width))
        self.scale = nn.Parameter(torch.full((1, heads, 1, 1), math.log(4)))
        self.proj = nn.Linear(width, width)
        self.fc1 = nn.Linear(width, 4 * width)
        self.fc2 = nn.Linear(4 * width, width)
        self.modulation = nn.Linear(width, 6 * width)

    def forward(self, x, silu, mask):
        b, length, _ = x.shape
        gamma1, gamma2, scale1, scale2, shift1, shift2 = self.modulation(silu).view(b, 1, 6, self.width).unbind(2)
        h = torch.addcmul(shift1, F.layer_norm(x, (self.width,), eps=1e-6), scale1 + 1)
        qkv = F.linear(h, self.qkv.weight, torch.cat([self.q_bias, self.zero_k_bias, self.v_bias]))
        q, k, v = qkv.view(b, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4).unbind(0)
        q = F.normalize(q, dim=-1) * self.scale.clamp(max=math.log(100)).exp()
        out = F.scaled_dot_product_attention(q, F.normalize(k, dim=-1), v, attn_mask=mask, scale=1.0)
        x = torch.addcmul(x, gamma1, self.proj(out.transpose(1, 2).reshape(b, length, -1)))
        h = torch.addcmul(shift2, F.layer_norm(x, (self.width,), eps=1e-6), scale2 + 1)
        return torch.addcmul(x, gamma2, self.fc2(F.gelu(self.fc1(h), approximate="tanh")))


class Var(nn.Module):
    def __init__(self, options):
        super().__init__()
        width, patch_nums = options["width"], options["patchNums"]
        length = sum(side * side for side in patch_nums)
        level = torch.cat([torch.full((side * side,), scale) for scale, side in enumerate(patch_nums)])
        self.register_buffer("level", level)
        self.register_buffer("mask", torch.where(level[:, None] >= level[None, :], 0.0, -math.inf))
        std = math.sqrt(1 / (3 * width))
        self.classes = options["classes"]
        self.class_emb = nn.Embedding(self.classes + 1, width)
        self.lvl_embed = nn.Embedding(len(patch_nums), width)
        self.pos_start = nn.Parameter(torch.randn(1, patch_nums[0] ** 2, width) * std)
        self.pos_1LC = nn.Parameter(torch.randn(1, length, width) * std)
        self.word_embed = nn.Linear(options["channels"], width)
        self.blocks = nn.ModuleList(Block(width, options["heads"]) for _ in range(options["depth"]))
        self.head_modulation = nn.Linear(width, 2 * width)
        self.head = nn.Linear(width, options["vocabulary"])

    def forward(self, estimates, label):
        dropped = torch.where(torch.rand(label.shape[0]) < 0.1, self.classes, label)
        cond = self.class_emb(dropped)
        first = cond[:, None] + self.pos_start
        x = torch.cat([first, self.word_embed(estimates)], dim=1) + self.lvl_embed(self.level)[None] + self.pos_1LC
        silu = F.silu(cond)
        for block in self.blocks:
            x = block(x, silu, self.mask)
        scale, shift = self.head_modulation(silu).view(x.shape[0], 1, 2, -1).unbind(2)
        return self.head(torch.addcmul(shift, F.layer_norm(x, (x.shape[-1],), eps=1e-6), scale + 1))


def main():
    options = settings()
    model = Var(options)
    batch, length = options["batch"], model.pos_1LC.shape[1]
    first = options["patchNums"][0] ** 2
    estimates = torch.randn(batch, length - first, options["channels"])
    target = torch.randint(options["vocabulary"], (batch, length))
    label = torch.randint(options["classes"], (batch,))
    decayed = [p for p in model.parameters() if p.dim() > 1]
    others = [p for p in model.parameters() if p.dim() <= 1]
    groups = [{"params": decayed, "weight_decay": 0.05}, {"params": others, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=1e-4, betas=(0.9, 0.95), eps=1e-8, fused=True)

    def run():
        start = time.perf_counter()
        logits = model(estimates, label)
        loss = F.cross_entropy(logits.view(-1, logits.shape[-1]), target.view(-1))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 2.0)
        optimizer.step()
        loss = loss.item()
        return {"total": time.perf_counter() - start, "loss": loss}

    serve(run, parameters=sum(p.numel() for p in model.parameters()))


if __name__ == "__main__":
    main()

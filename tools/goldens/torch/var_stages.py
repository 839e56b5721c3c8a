"""Records a training step of VAR with stochastic depth and progressive stages: `var_tiny_drop_stages`.

Run by `python var_stages.py` with PyTorch, NumPy and safetensors. Before it writes anything, it reproduces the logits of
`var_tiny_tf`. Tokens are those of `vqvae_tiny`, so that no tokenizer is needed here.
"""

import json
import math

import torch
import torch.nn.functional as F

from case_files import read_case, read_weights, write_case

DROP_PATH, LABEL_DROP, NEWEST = 0.4, 0.1, 0.3


class Transformer:
    """Teacher forcing over a dictionary of official names."""

    def __init__(self, weights, config):
        self.w = {name: tensor.requires_grad_() for name, tensor in weights.items() if "lvl_1L" not in name}
        self.depth, self.heads, self.width = config["depth"], config["num_heads"], config["embed_dim"]
        self.scale_of = torch.cat([torch.full((side**2,), k) for k, side in enumerate(config["patch_nums"])])

    def logits(self, estimates, label, keep=None):
        """`keep` [blocks with a rate][attention, feed-forward]: 1 for the images whose branch is kept."""
        cond = self.w["class_emb.weight"][label]
        x = torch.cat([cond[:, None] + self.w["pos_start"], self.linear("word_embed", estimates)], dim=1)
        length = x.shape[1]
        level = self.scale_of[:length]
        x = x + self.w["lvl_embed.weight"][level] + self.w["pos_1LC"][:, :length]
        mask = torch.where(level[:, None] >= level[None, :], 0.0, -math.inf)
        rates = torch.linspace(0, DROP_PATH if keep else 0, self.depth)
        for i in range(self.depth):
            drops = [lambda branch: branch] * 2
            if keep and rates[i] > 0:
                drops = [lambda branch, kept=kept, i=i: branch * (kept / (1 - rates[i]))[:, None, None] for kept in keep[i - 1]]
            x = self.block(f"blocks.{i}", x, F.silu(cond), mask, drops)
        scale, shift = self.linear("head_nm.ada_lin.1", F.silu(cond))[:, None].chunk(2, dim=2)
        return self.linear("head", F.layer_norm(x, x.shape[-1:], eps=1e-6) * (1 + scale) + shift)

    def linear(self, name, x):
        return F.linear(x, self.w[f"{name}.weight"], self.w[f"{name}.bias"])

    def block(self, name, x, silu, mask, drops):
        modulation = self.linear(f"{name}.ada_lin.1", silu)[:, None].chunk(6, dim=2)
        gamma1, gamma2, scale1, scale2, shift1, shift2 = modulation
        norm = F.layer_norm(x, x.shape[-1:], eps=1e-6)
        x = x + drops[0](gamma1 * self.attention(f"{name}.attn", norm * (1 + scale1) + shift1, mask))
        h = F.layer_norm(x, x.shape[-1:], eps=1e-6) * (1 + scale2) + shift2
        h = F.gelu(self.linear(f"{name}.ffn.fc1", h), approximate="tanh")
        return x + drops[1](gamma2 * self.linear(f"{name}.ffn.fc2", h))

    def attention(self, name, x, mask):
        rows, length, width = x.shape
        bias = torch.cat([self.w[f"{name}.q_bias"], torch.zeros(width), self.w[f"{name}.v_bias"]])
        qkv = F.linear(x, self.w[f"{name}.mat_qkv.weight"], bias).view(rows, length, 3, self.heads, -1)
        q, k, v = qkv.permute(2, 0, 3, 1, 4).unbind(0)
        q = F.normalize(q, dim=-1) * self.w[f"{name}.scale_mul_1H11"].clamp(max=math.log(100)).exp()
        scores = q @ F.normalize(k, dim=-1).transpose(2, 3) + mask
        return self.linear(f"{name}.proj", (scores.softmax(-1) @ v).transpose(1, 2).reshape(rows, length, width))

    def backward(self, given, keep, stage):
        """Loss of the scales up to `stage`, the newest fading in, and gradients by name."""
        ends = (self.scale_of <= stage).sum()
        first = (self.scale_of == 0).sum()
        logits = self.logits(given["estimates"][:, : ends - first], given["label"], keep)
        loss = F.cross_entropy(logits.flatten(0, 1), given["index"][:, :ends].flatten().long(), reduction="none")
        is_whole = stage == self.scale_of[-1]
        weight = torch.where((self.scale_of[:ends] == stage) & (not is_whole), NEWEST, 1.0) / len(self.scale_of)
        loss = (loss.view(-1, ends) * weight).sum(1).mean()
        for tensor in self.w.values():
            tensor.grad = None
        loss.backward()
        return loss, {name: tensor.grad.clone() for name, tensor in self.w.items() if tensor.grad is not None}


def check_reference(weights, config):
    case, _ = read_case("var_tiny_tf")
    logits = Transformer(weights, config).logits(case["in.x_BLCv_wo_first_l"], case["in.label"])
    assert (logits - case["out.logits"]).abs().max() < 3e-5, "var_tiny_tf is not reproduced"


def main():
    generator = torch.Generator().manual_seed(22)
    tokens, _ = read_case("vqvae_tiny")
    _, metadata = read_case("var_tiny_tf")
    config = json.loads(metadata["config"])
    weights = read_weights(metadata["weights_var"])
    check_reference(weights, config)
    model = Transformer(weights, {**config, "drop_path_rate": DROP_PATH})
    twice = lambda tensor: torch.cat([tensor, tensor])
    label, drawn = torch.tensor([3, 9, 0, 7], dtype=torch.int32), torch.tensor([0.05, 0.4, 0.9, 0.6])
    given = {
        "estimates": twice(tokens["out.var_input"]),
        "index": twice(torch.cat([tokens[f"out.idx.{k}"] for k in range(len(config["patch_nums"]))], dim=1)),
        "label": torch.where(drawn < LABEL_DROP, config["num_classes"], label),
    }
    case = {"in.img": twice(tokens["in.img"]), "in.label": label, "rand.label_drop": drawn}

    def masks(name):
        """Keep masks of every block with a rate, attention then feed-forward; each drops and keeps something."""
        keep = []
        while len(keep) < 2 * (model.depth - 1):
            mask = (torch.rand(4, generator=generator) < 1 - DROP_PATH / 2).float()
            if 0 < mask.sum() < 4:
                case[f"rand.{name}drop_path_keep.{len(keep)}"] = mask
                keep.append(mask)
        return [keep[i : i + 2] for i in range(0, len(keep), 2)]

    loss, gradients = model.backward(given, masks(""), len(config["patch_nums"]) - 1)
    case["out.loss"] = loss
    case["out.global_grad_norm"] = torch.stack([gradient.norm() for gradient in gradients.values()]).norm()
    recorded = ["head.weight", "blocks.1.ffn.fc1.bias", "blocks.2.attn.proj.weight", "class_emb.weight"]
    case.update({f"grad.{name}": gradients[name] for name in recorded})
    for stage in (1, 2):
        loss, gradients = model.backward(given, masks(f"prog{stage}."), stage)
        case[f"out.prog_loss.{stage}"] = loss
        case.update({f"grad_prog.{stage}.{name}": gradients[name] for name in recorded[:3]})
    steps = {"n": 0, "optimizer": "AdamW betas .9 .95 eps 1e-8", "clip": 2.0}
    schedule = "lin0 peak 2e-3 wd .05->.08 wp_it 2 max_it 40 wp0 .005 wpe .01"
    write_case(
        "var_tiny_drop_stages",
        case,
        {
            "kind": "var.train",
            "config": {**config, "drop_path_rate": DROP_PATH, "weights_vae": metadata["weights_vae"]},
            "weights_vae": metadata["weights_vae"],
            "weights_var": metadata["weights_var"],
            "label_smooth": "0.0",
            "prog": "prog_loss.k: stage k, prog_it=3 of prog_wp_it=10 (weight of the newest scale 0.3)",
            "steps": {**steps, "schedule": schedule},
            "note": "gradients are those of each backward pass alone; rand.progK.drop_path_keep.i are stage K's masks",
        },
    )


if __name__ == "__main__":
    main()

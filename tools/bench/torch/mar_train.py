"""One training step of a small MAR as eager PyTorch does it on a CPU: forward, backward, clipping, AdamW, average.

Unlike the official code, tokens that are known are left out of the loss before the head sees them.
"""

import math
import time

import torch

from mar import TIMESTEPS, Chain, Denoiser, Trunk, diffusion_loss
from protocol import serve, settings


def parameters(options):
    """Fresh parameters by official name."""
    w = {}

    def linear(name, inputs, outputs, bound=None):
        bound = math.sqrt(6 / (inputs + outputs)) if bound is None else bound
        w[f"{name}.weight"] = (torch.rand(outputs, inputs) * 2 - 1) * bound
        w[f"{name}.bias"] = torch.zeros(outputs)

    def norm(name, width):
        w[f"{name}.weight"], w[f"{name}.bias"] = torch.ones(width), torch.zeros(width)

    def table(name, *shape):
        w[name] = torch.randn(*shape) * 0.02

    width, length, buffer = options["width"], options["length"], options["buffer"]
    table("class_emb.weight", options["classes"], width)
    table("fake_latent", 1, width)
    table("mask_token", 1, 1, width)
    table("encoder_pos_embed_learned", 1, buffer + length, width)
    table("decoder_pos_embed_learned", 1, buffer + length, width)
    table("diffusion_pos_embed_learned", 1, length, width)
    linear("z_proj", options["channels"], width)
    linear("decoder_embed", width, width)
    for name in ("z_proj_ln", "encoder_norm", "decoder_norm"):
        norm(name, width)
    for i in range(options["depth"]):
        for part in ("encoder", "decoder"):
            block = f"{part}_blocks.{i}"
            norm(f"{block}.norm1", width)
            norm(f"{block}.norm2", width)
            linear(f"{block}.attn.qkv", width, 3 * width)
            linear(f"{block}.attn.proj", width, width)
            linear(f"{block}.mlp.fc1", width, 4 * width)
            linear(f"{block}.mlp.fc2", 4 * width, width)
    wide, channels = options["headWidth"], options["channels"]
    net = "diffloss.net"
    linear(f"{net}.time_embed.mlp.0", 256, wide)
    linear(f"{net}.time_embed.mlp.2", wide, wide)
    linear(f"{net}.cond_embed", width, wide)
    linear(f"{net}.input_proj", channels, wide)
    for i in range(options["headBlocks"]):
        block = f"{net}.res_blocks.{i}"
        norm(f"{block}.in_ln", wide)
        linear(f"{block}.mlp.0", wide, wide)
        linear(f"{block}.mlp.2", wide, wide)
        linear(f"{block}.adaLN_modulation.1", wide, 3 * wide, 0)
    linear(f"{net}.final_layer.adaLN_modulation.1", wide, 2 * wide, 0)
    linear(f"{net}.final_layer.linear", wide, 2 * channels, 0)
    return {name: tensor.requires_grad_() for name, tensor in w.items()}


def main():
    options = settings()
    w = parameters(options)
    sides = {"depth": options["depth"], "heads": options["heads"]}
    trunk = Trunk({k: v for k, v in w.items() if "diffloss" not in k}, sides, sides, options["buffer"], options["dropout"])
    denoiser = Denoiser({k: v for k, v in w.items() if "diffloss" in k}, options["headBlocks"])
    chain = Chain(TIMESTEPS)
    batch, length, known_count = options["batch"], options["length"], options["known"]
    decayed = [p for name, p in w.items() if p.dim() > 1 and "diffloss" not in name]
    others = [p for name, p in w.items() if not (p.dim() > 1 and "diffloss" not in name)]
    groups = [{"params": decayed, "weight_decay": 0.02}, {"params": others, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=1e-4, betas=(0.9, 0.95), eps=1e-8, fused=True)
    average = [p.detach().clone() for p in w.values()]
    tokens = torch.randn(batch, length, options["channels"])
    label = torch.randint(options["classes"], (batch,))

    def pick(position):
        return position[..., None].expand(-1, -1, options["channels"])

    def run():
        start = time.perf_counter()
        order = torch.rand(batch, length).argsort(dim=1)
        known, masked = order[:, :known_count], order[:, known_count:]
        dropped = torch.rand(batch, 1) < 0.1
        cond = torch.where(dropped, w["fake_latent"], w["class_emb.weight"][label])
        hidden = trunk(cond, tokens.gather(1, pick(known)), known)
        z = hidden.gather(1, masked[..., None].expand(-1, -1, hidden.shape[2])).flatten(0, 1)
        x0 = tokens.gather(1, pick(masked)).flatten(0, 1)
        repeats = options["repeats"]
        loss = diffusion_loss(denoiser, chain, x0.repeat(repeats, 1), z.repeat(repeats, 1)).mean()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(w.values(), 3.0)
        optimizer.step()
        with torch.no_grad():
            torch._foreach_lerp_(average, list(w.values()), 1e-4)
        return {"total": time.perf_counter() - start, "loss": loss.item()}

    serve(run, parameters=sum(p.numel() for p in w.values()))


if __name__ == "__main__":
    main()

"""Records losses of MAR's denoiser row by row where the bound of the likelihood cancels: `mar_tiny_bound`.

Run by `python mar_bound.py` with PyTorch, NumPy and safetensors. Before it writes anything, it reproduces `mar_tiny_net`.
What it records is float32 as PyTorch computes it; it prints how far that lies from float64.
"""

import json
import math
import sys
from pathlib import Path

import torch
import torch.nn.functional as F

sys.path.append(str(Path(__file__).parents[3] / "tools/bench/torch"))

from case_files import read_case, read_weights, write_case
from mar import TIMESTEPS, Denoiser, alphas

LATE = [40, 50, 60, 80, 100, 150, 200, 300, 400, 500, 600, 700, 800, 900, 950, 999]


def tables(dtype):
    """Coefficients of the whole chain, computed in float64 and then rounded."""
    bar = alphas()
    before = torch.cat([torch.ones(1, dtype=torch.float64), bar[:-1]])
    beta = 1 - bar / before
    posterior = beta * (1 - before) / (1 - bar)
    columns = {
        "signal": bar.sqrt(),
        "noise": (1 - bar).sqrt(),
        "recip": (1 / bar).sqrt(),
        "recip_rest": (1 / bar - 1).sqrt(),
        "mean_x0": beta * before.sqrt() / (1 - bar),
        "mean_xt": (1 - before) * (1 - beta).sqrt() / (1 - bar),
        "log_beta": beta.log(),
        "log_posterior": torch.cat([posterior[1:2], posterior[1:]]).log(),
    }
    return {name: column.to(dtype) for name, column in columns.items()}


def losses(out, given):
    """Squared error and bound of each row, written as Nichol & Dhariwal 2021 and MAR write them."""
    dtype = out.dtype
    x0, noise, t = given["in.x_start"].to(dtype), given["in.noise"].to(dtype), given["in.t"].long()
    at = {name: column[t][:, None] for name, column in tables(dtype).items()}
    x_t = at["signal"] * x0 + at["noise"] * noise
    predicted, variance = out.chunk(2, dim=1)
    share = (variance + 1) / 2
    log_variance = share * at["log_beta"] + (1 - share) * at["log_posterior"]
    start = at["recip"] * x_t - at["recip_rest"] * predicted.detach()
    true_mean = at["mean_x0"] * x0 + at["mean_xt"] * x_t
    mean = at["mean_x0"] * start + at["mean_xt"] * x_t
    gap = (true_mean - mean) ** 2 * torch.exp(-log_variance)
    kl = 0.5 * (-1 + log_variance - at["log_posterior"] + torch.exp(at["log_posterior"] - log_variance) + gap)
    vb = torch.where(t == 0, first_step(x0, mean, 0.5 * log_variance), kl.mean(1) / math.log(2))
    return {"x_t": x_t, "mse": ((predicted - noise) ** 2).mean(1), "vb": vb}


def first_step(x0, mean, log_scale):
    def cdf(x):
        return 0.5 * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))

    inverse = torch.exp(-log_scale)
    above, below = cdf(inverse * (x0 - mean + 1 / 255)), cdf(inverse * (x0 - mean - 1 / 255))
    mass = torch.where(x0 < -0.999, above, torch.where(x0 > 0.999, 1 - below, above - below))
    return -mass.clamp(min=1e-12).log().mean(1) / math.log(2)


def record(denoiser, given):
    """Everything that a case of this kind expects, from what it is given."""
    t, z = given["in.t"].long(), given["in.z"]
    angle = t[:, None].float() * torch.exp(-math.log(10000) * torch.arange(128) / 128)
    run = lambda x, z: denoiser(x, denoiser.time(t), denoiser.condition(z))
    out = run(tables(torch.float32)["signal"][t][:, None] * given["in.x_start"]
              + tables(torch.float32)["noise"][t][:, None] * given["in.noise"], z)
    terms = losses(out, given)
    loss = terms["mse"] + terms["vb"]
    gradients = torch.autograd.grad(loss.mean(), [z, *denoiser.w.values()])
    expected = {
        "out.t_freq": torch.cat([angle.cos(), angle.sin()], dim=1),
        "out.t_emb": denoiser.time(t),
        "out.net": run(given["in.x"], z),
        **{f"out.{name}": value for name, value in terms.items()},
        "out.loss": loss,
    }
    named = dict(zip(["z", *denoiser.w], gradients, strict=True))
    exact = losses(out.double(), given)["vb"]
    return expected, named, (terms["vb"] - exact).abs() / exact


def main():
    weights = read_weights("weights/mar_tiny.safetensors")
    net = {name: tensor.requires_grad_() for name, tensor in weights.items() if name.startswith("diffloss.net.")}
    known, metadata = read_case("mar_tiny_net")
    config = json.loads(metadata["config"])
    denoiser = Denoiser(net, config["diffloss_d"])
    known["in.z"].requires_grad_()
    expected, _, _ = record(denoiser, known)
    for name in ("out.net", "out.mse", "out.vb", "out.x_t"):
        assert torch.allclose(expected[name], known[name], rtol=1e-4, atol=1e-5), f"mar_tiny_net's {name} differs"
    generator = torch.Generator().manual_seed(30)
    t = torch.tensor([*range(32), *LATE], dtype=torch.int32)
    draw = lambda *shape: torch.randn(*shape, generator=generator)
    channels, width = known["in.x"].shape[1], known["in.z"].shape[1]
    given = {"in.t": t, "in.x": draw(len(t), channels), "in.x_start": draw(len(t), channels)}
    given.update({"in.noise": draw(len(t), channels), "in.z": draw(len(t), width).requires_grad_()})
    expected, gradients, errors = record(denoiser, given)
    for step, error, vb in zip(t, errors, expected["out.vb"], strict=True):
        print(f"t {step:4d}  vb {vb:.4g}  PyTorch's float32 differs from float64 by {error:.1e} of it")
    recorded = {"grad.z": gradients["z"], "grad.final_layer.linear.bias": gradients["final_layer.linear.bias"]}
    note = "rows by timestep: t = 0..31 one by one, then further apart; grads of mean(loss)"
    own = {"kind": "mar.net", "weights": metadata["weights"], "config": config, "note": note}
    write_case("mar_tiny_bound", {**given, **expected, **recorded}, own)


if __name__ == "__main__":
    main()

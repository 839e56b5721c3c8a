"""The precision of PyTorch's side: float32, bfloat16 by autocast, or linear layers in dynamic int8."""

import contextlib
import warnings

import torch
import torch.nn.functional as F

# Embeddings are looked up, not multiplied.
TABLES = ("class_emb.weight", "lvl_embed.weight", "embedding.weight")


def prepare(options, *states):
    """Prepares matrices and filters for the precision that is asked for; gives what each run enters."""
    precision = options.get("precision", "float32")
    if precision == "bfloat16":
        for state in states:
            for name, tensor in state.items():
                # Under autocast, a weight that is float32 would be converted at each use.
                if name.endswith(".weight") and tensor.ndim >= 2 and not name.endswith(TABLES):
                    state[name] = tensor.bfloat16()
        return lambda: torch.autocast("cpu", dtype=torch.bfloat16)
    if precision == "int8":
        warnings.filterwarnings("ignore", message=".*quantize_per.*")
        F.linear = DynamicLinear()
    return contextlib.nullcontext


class DynamicLinear:
    """Linear layers with weights in int8 by output and activations in uint8 by call, as quantize_dynamic makes them."""

    def __init__(self):
        self.packed = {}

    def __call__(self, x, weight, bias=None):
        key = (weight.data_ptr(), None if bias is None else bias.data_ptr())
        if key not in self.packed:
            scale = weight.abs().amax(1).clamp(min=1e-12).double() / 127
            codes = torch.quantize_per_channel(weight, scale, torch.zeros_like(scale, dtype=torch.long), 0, torch.qint8)
            # The tensors stay alive with their addresses.
            self.packed[key] = (torch.ops.quantized.linear_prepack(codes, bias), weight, bias)
        return torch.ops.quantized.linear_dynamic(x, self.packed[key][0])

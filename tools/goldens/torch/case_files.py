"""Reads and writes case files, and says where they lie."""

import json
from pathlib import Path

from safetensors import safe_open
from safetensors.torch import load_file, save_file

CASES = Path(__file__).parent.parent / "cases"


def read_case(name):
    """Tensors and metadata of a case."""
    with safe_open(CASES / f"{name}.safetensors", "pt") as file:
        return {key: file.get_tensor(key) for key in file.keys()}, file.metadata()


def read_weights(path):
    return {name: tensor.float() for name, tensor in load_file(CASES / path).items()}


def write_case(name, tensors, metadata):
    """Every value of the metadata is text; what is none becomes JSON."""
    texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in metadata.items()}
    save_file({key: tensor.detach().contiguous() for key, tensor in tensors.items()}, CASES / f"{name}.safetensors", texts)

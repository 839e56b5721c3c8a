"""Records what torch-fidelity and pytorch-fid compute from features: `packages/evaluation/fixtures/*.safetensors`.

Run by `python metrics.py` with PyTorch, NumPy, SciPy, safetensors, torch-fidelity and pytorch-fid (the last two without
their dependencies: no network runs). With `python metrics.py REAL.npz GENERATED.npz` it only prints the figures of
features that `tessera features` wrote, so that any pair of sets can be compared.
"""

import json
import sys
from pathlib import Path
from unittest.mock import MagicMock

import numpy as np
import torch

# Both packages import torchvision for their networks, which are not used here.
for name in ("torchvision", "torchvision.transforms", "torchvision.datasets", "torchvision.transforms.functional"):
    sys.modules.setdefault(name, MagicMock())

from pytorch_fid.fid_score import calculate_frechet_distance
from safetensors.numpy import save_file
from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric
from torch_fidelity.metric_isc import isc_features_to_metric
from torch_fidelity.metric_kid import kid_features_to_metric
from torch_fidelity.metric_prc import prc_features_to_metric

FIXTURES = Path(__file__).parents[3] / "packages/evaluation/fixtures"


def figures(real, generated, logits=None):
    """The figures of two sets of features, by the names that Tessera gives them."""
    real, generated = torch.from_numpy(real), torch.from_numpy(generated)
    statistics = [fid_features_to_statistics(features) for features in (real, generated)]
    frechet = fid_statistics_to_metric(*statistics, verbose=False)["frechet_inception_distance"]
    (first, second) = [(s["mu"], s["sigma"]) for s in statistics]
    again = calculate_frechet_distance(*first, *second)
    manifolds = prc_features_to_metric(generated, real, verbose=False)
    size = min(len(real), len(generated))
    whole = {"kid_subsets": 1, "kid_subset_size": size, "verbose": False}
    kernel = kid_features_to_metric(real[:size], generated[:size], **whole)["kernel_inception_distance_mean"]
    out = {
        "frechetDistance": frechet,
        "frechetDistanceOfPytorchFid": again,
        "precision": manifolds["precision"],
        "recall": manifolds["recall"],
        "kernelDistance": kernel,
    }
    if logits is not None:
        score = isc_features_to_metric(torch.from_numpy(logits), splits=10, shuffle=False)
        out["classifierScore"] = score["inception_score_mean"]
    return {name: float(value) for name, value in out.items()}


def softmax(logits):
    return torch.from_numpy(logits).double().softmax(1).float().numpy()


def mixed(rng, count, dims, shift):
    """Correlated, skewed and sparse features, as those of a network after its last activation."""
    mixing = np.random.default_rng(5).normal(size=(dims, dims)) / np.sqrt(dims)
    return np.maximum(rng.normal(loc=shift, size=(count, dims)) @ mixing + 0.2, 0).astype(np.float32)


def record(name, real, generated, logits):
    FIXTURES.mkdir(exist_ok=True)
    expected = figures(real, generated, logits)
    print(name, json.dumps(expected, indent=1))
    tensors = {"in.real": real, "in.generated": generated, "in.probabilities": softmax(logits)}
    versions = "torch-fidelity 0.4.0, pytorch-fid 0.3.0"
    metadata = {"kind": "metrics", "expected": json.dumps(expected), "versions": versions}
    save_file(tensors, FIXTURES / f"{name}.safetensors", metadata)


def write_files():
    """Files as NumPy writes them: images with labels, compressed ones, statistics, and what must be refused."""
    images = np.arange(5 * 2 * 3 * 3, dtype=np.uint8).reshape(5, 2, 3, 3)
    labels = np.array([1, 0, 2, 1, 0])
    np.savez(FIXTURES / "images.npz", images, labels)
    np.savez_compressed(FIXTURES / "compressed.npz", np.repeat(images, 100, axis=0))
    np.savez(FIXTURES / "statistics.npz", mu=np.array([1.0, 2.0]), sigma=np.array([[2.0, 0.5], [0.5, 1.0]]))
    np.savez(FIXTURES / "objects.npz", mu=np.array([{"a": 1}], dtype=object), sigma=np.asfortranarray(np.eye(2)))


def main():
    if len(sys.argv) > 1:
        real, generated = [np.load(path)["features"].astype(np.float32) for path in sys.argv[1:3]]
        print(json.dumps(figures(real, generated), indent=1))
        return
    rng = np.random.default_rng(1)
    logits = lambda count: rng.normal(scale=2.5, size=(count, 10)).astype(np.float32)
    record("many-images", mixed(rng, 400, 32, 0.0), mixed(rng, 350, 32, 0.15), logits(350))
    # Fewer images than features: covariances without full rank.
    write_files()
    record("few-images", mixed(rng, 60, 64, 0.0), mixed(rng, 48, 64, 0.3), logits(48))


if __name__ == "__main__":
    main()

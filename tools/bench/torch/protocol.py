"""One benchmark process: read a line, run once, answer with one line of JSON."""

import json
import mmap
import sys
import time

import torch


def settings():
    """The settings that the caller passed as the only argument, as JSON."""
    options = json.loads(sys.argv[1])
    torch.set_num_threads(options["threads"])
    torch.manual_seed(0)
    return options


def serve(run, **facts):
    """Answers `run` with what one run measured, until standard input ends or says `quit`."""
    print(json.dumps({"ready": True, "runtime": runtime_name(), **facts}), flush=True)
    for line in sys.stdin:
        if line.strip() == "quit":
            break
        before = time.process_time()
        figures = run()
        cpu = time.process_time() - before
        print(json.dumps({**figures, "cpu": cpu, "peakMemory": peak_memory()}), flush=True)


def runtime_name():
    precision = json.loads(sys.argv[1]).get("precision", "float32")
    return f"PyTorch {torch.__version__}" + ("" if precision == "float32" else f" {precision}")


def peak_memory():
    """Peak resident memory of this process in bytes, or null where the system does not say."""
    try:
        with open("/proc/self/status") as status:
            return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))
    except (OSError, StopIteration):
        return None


def read_safetensors(path):
    """Float32 tensors of a safetensors file by name; the bytes stay in the page cache until they are read."""
    with open(path, "rb") as file:
        length = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(length))
        data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
    header.pop("__metadata__", None)
    tensors = {}
    for name, entry in header.items():
        start, end = entry["data_offsets"]
        flat = torch.frombuffer(data, dtype=torch.float32, count=(end - start) // 4, offset=8 + length + start)
        tensors[name] = flat.reshape(entry["shape"])
    return tensors

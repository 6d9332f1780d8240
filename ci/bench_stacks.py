"""The property that a campaign checks first, in Python: stacks run forward and backward, or say what disagrees.

usage: bench_stacks.py hypothesis|python SECONDS      prints cases per second
The mix of modules, dtypes and phases is that of `dtypefuzz bench --workload mlp`.
"""
import contextlib
import random
import sys
import time
import warnings

import torch
from torch import nn

torch.set_num_threads(1)
warnings.simplefilter("ignore")
WIDTH = 8
DTYPES = [torch.float32, torch.float64, torch.bfloat16, torch.float16, torch.int64, torch.complex64]
MODULES = {
    "Linear": lambda width, to: (nn.Linear(width, to), to),
    "LayerNorm": lambda width, _: (nn.LayerNorm(width), width),
    "BatchNorm1d": lambda width, _: (nn.BatchNorm1d(width), width),
    "ReLU": lambda width, _: (nn.ReLU(), width),
    "GELU": lambda width, _: (nn.GELU(), width),
    "Softmax": lambda width, _: (nn.Softmax(-1), width),
}
WORDS = ("dtype", "type", "Float", "Double", "Half", "implemented", "mixed")


def check(batch, layers, params, inputs, autocast):
    stack, width = nn.Sequential(), WIDTH
    for name, to in layers:
        module, width = MODULES[name](width, to)
        stack.append(module)
    try:
        if params != torch.float32:
            stack.to(params)
        value = torch.ones(batch, WIDTH, dtype=inputs)
        region = torch.autocast("cpu", dtype=autocast) if autocast else contextlib.nullcontext()
        with region:
            output = stack(value)
        if output.requires_grad:
            output.backward(torch.ones_like(output))
            for parameter in stack.parameters():
                assert parameter.grad is None or parameter.grad.dtype == parameter.dtype
    except (RuntimeError, TypeError, ValueError) as refused:
        message = str(refused)
        assert any(word in message for word in WORDS) or "more than 1 value per channel" in message, message


def by_loop(seconds):
    draw, count, begin = random.Random(1), 0, time.monotonic()
    while time.monotonic() - begin < seconds:
        check(draw.choice([1, 2]), [(draw.choice(list(MODULES)), draw.choice([4, 8, 16])) for _ in range(draw.randint(1, 8))],
              pick(draw), pick(draw), draw.choice([None, None, None, torch.bfloat16, torch.float16]))
        count += 1
    return count / (time.monotonic() - begin)


def pick(draw):
    return torch.float32 if draw.random() < 0.9 else draw.choice(DTYPES)


def by_hypothesis(seconds):
    from hypothesis import HealthCheck, given, settings
    from hypothesis import strategies as st

    dtypes = st.integers(0, 9).flatmap(lambda n: st.sampled_from(DTYPES) if n == 9 else st.just(torch.float32))
    layers = st.lists(st.tuples(st.sampled_from(list(MODULES)), st.sampled_from([4, 8, 16])), min_size=1, max_size=8)
    regions = st.sampled_from([None, None, None, torch.bfloat16, torch.float16])
    count = 0

    @settings(max_examples=500, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(st.sampled_from([1, 2]), layers, dtypes, dtypes, regions)
    def holds(batch, layers, params, inputs, autocast):
        nonlocal count
        count += 1
        check(batch, layers, params, inputs, autocast)

    begin = time.monotonic()
    while time.monotonic() - begin < seconds:
        holds()
    return count / (time.monotonic() - begin)


if __name__ == "__main__":
    print({"hypothesis": by_hypothesis, "python": by_loop}[sys.argv[1]](float(sys.argv[2])))

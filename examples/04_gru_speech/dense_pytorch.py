#!/usr/bin/python3
"""The dense network with PyTorch, frame by frame and on one thread, for comparison; needs python3-torch."""
import statistics
import time

import torch

FEATURES, UNITS, FRAMES, SAMPLES = 39, 1024, 5, 61

torch.set_num_threads(1)
torch.set_grad_enabled(False)
network = torch.nn.GRU(FEATURES, UNITS, num_layers=2)
frame, state = torch.rand(1, 1, FEATURES), torch.zeros(2, 1, UNITS)
times = []
for _ in range(SAMPLES):
    _, state = network(frame, state)
    start = time.thread_time()
    for _ in range(FRAMES):
        _, state = network(frame, state)
    times.append((time.thread_time() - start) / FRAMES)
print(f"dense, PyTorch {torch.__version__}: {1e6 * statistics.median(times):.1f} us a frame")

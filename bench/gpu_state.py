#!/usr/bin/env python3
"""A state goes from the CPU to the GPU in mid-text and back, as the same bytes.

  bench/gpu_state.py CPU_FOLDER GPU_FOLDER GOLDEN.safetensors

Both folders are built artifacts of the golden's model, f32, batch 1, with their weights. The first third of the golden's
tokens runs on the CPU, the second on the GPU, the last on the CPU again; then the other way round. Outputs and the last
state are compared with the golden's double precision. Exit code 1 if anything is outside 2e-6.
"""
import ctypes
import sys

import numpy

from gpu import Artifact, Cuda, Weights, error, golden_state, header_constants, read_safetensors, state_errors

TOLERANCE = 2e-6


def aligned(size):
    """`size` bytes at a multiple of 64."""
    whole = numpy.zeros(size + 64, numpy.uint8)
    skip = -whole.ctypes.data % 64
    return whole[skip:skip + size]


class CpuArtifact:
    """An artifact for the CPU, its weights, a workspace and a state."""

    def __init__(self, folder, like):
        self.folder, self.name, self.outputs = folder, like.name, like.outputs
        self.library = ctypes.CDLL(f"{folder}/lib/lib{self.name}.so")
        self.weights, self.message = Weights(), ctypes.create_string_buffer(1024)
        path = f"{folder}/{self.name}.weights".encode()
        self.check(self.function("weights_open")(path, ctypes.byref(self.weights), self.message, 1024))
        constants = header_constants(folder, self.name)
        self.memory, self.workspace = aligned(constants["WORKSPACE_BYTES"]), ctypes.c_void_p()
        self.check(self.function("workspace_open")(ctypes.c_void_p(self.memory.ctypes.data),
                                                   ctypes.byref(self.workspace), self.message, 1024))
        self.state = aligned(constants["STATE_BYTES"])
        self.function("state_reset")(ctypes.c_void_p(self.state.ctypes.data))

    def function(self, name):
        return getattr(self.library, f"{self.name}_{name}")

    def check(self, status):
        if status != 0:
            raise SystemExit(f"{self.folder}: status {status}: {self.message.value.decode()}")

    def state_bytes(self):
        return self.state.tobytes()

    def set_state_bytes(self, state):
        self.state[:] = numpy.frombuffer(state, numpy.uint8)

    def outputs_of(self, values):
        """Outputs (count, outputs) of `values` (count[, input size]), by step."""
        results = []
        for value in values:
            value, output = numpy.ascontiguousarray(value), numpy.zeros(self.outputs, numpy.float32)
            self.check(self.function("step")(ctypes.byref(self.weights), self.workspace,
                                             ctypes.c_void_p(self.state.ctypes.data), ctypes.c_void_p(value.ctypes.data),
                                             ctypes.c_void_p(output.ctypes.data)))
            results.append(output)
        return numpy.stack(results)


class GpuArtifact(Artifact):
    def state_bytes(self):
        return self.cuda.to_host(self.state, self.constants["STATE_BYTES"], numpy.uint8).tobytes()

    def set_state_bytes(self, state):
        self.cuda.to_device(self.state, numpy.frombuffer(state, numpy.uint8))

    def outputs_of(self, values):
        return self.run_tokens("step", values[None])[0]


def moved(order, values, state):
    """Outputs and the last state of `values` in thirds, each by the next artifact of `order`."""
    outputs = []
    for artifact, part in zip(order, numpy.array_split(values, len(order))):
        artifact.set_state_bytes(state)
        if artifact.state_bytes() != state:
            raise SystemExit(f"{artifact.folder}: a state that was copied there has other bytes")
        outputs.append(artifact.outputs_of(part))
        state = artifact.state_bytes()
    return numpy.concatenate(outputs), state


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    gpu = GpuArtifact(Cuda(), sys.argv[2])
    cpu = CpuArtifact(sys.argv[1], gpu)
    golden = read_safetensors(sys.argv[3])
    values = golden["inputs"].astype(numpy.float32) if gpu.continuous else golden["input_ids"].astype(numpy.int32)
    before, after = (golden_state(gpu, golden, when) for when in ("in", "out"))
    fresh = numpy.frombuffer(cpu.state_bytes(), numpy.float32).copy()
    if numpy.frombuffer(gpu.state_bytes(), numpy.float32).tobytes() != fresh.tobytes():
        sys.exit("a fresh state has other bytes on the GPU than on the CPU")
    fresh[16:] = before.reshape(-1)
    failed = False
    for label, order in [("CPU, GPU, CPU", [cpu, gpu, cpu]), ("GPU, CPU, GPU", [gpu, cpu, gpu])]:
        outputs, state = moved(order, values, fresh.tobytes())
        floats = numpy.frombuffer(state, numpy.float32)[16:].reshape(1, -1)
        errors = error(outputs, golden["outputs"]), state_errors(gpu, floats, after)
        failed |= not max(errors) <= TOLERANCE
        print(f"{label}: outputs {errors[0]:.2e}, state {errors[1]:.2e}, at most {TOLERANCE:.0e}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()

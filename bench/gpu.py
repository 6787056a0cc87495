#!/usr/bin/env python3
"""Checks generated CUDA artifacts against goldens and times them on this machine's GPU.

    bench/gpu.py build FOLDER...                      compiles each artifact's sources with nvcc alone
    bench/gpu.py check FOLDER=GOLDEN.safetensors...   compares outputs, states and greedy tokens
    bench/gpu.py time FOLDER...                       times every program on random weights
    bench/gpu.py all --out RESULTS.json PLAN.json     all of it, as PLAN.json says:
                                                      {"check": {FOLDER: GOLDEN}, "time": [FOLDER, ...]}

A FOLDER is what `mambac generate --target cuda` has written, with NAME.weights beside the sources where it is checked.
Needs nvcc, Python and numpy; no Clang, no Bazel. Exit code 1 if anything is outside its tolerance.
"""
import argparse
import concurrent.futures
import ctypes
import glob
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import time

import numpy

DTYPES = {"F64": numpy.float64, "F32": numpy.float32, "I64": numpy.int64, "I32": numpy.int32}


def read_safetensors(path):
    with open(path, "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        data = file.read()
    tensors = {}
    for name, entry in header.items():
        if name == "__metadata__" or entry["dtype"] not in DTYPES:
            continue
        begin, end = entry["data_offsets"]
        tensors[name] = numpy.frombuffer(data[begin:end], DTYPES[entry["dtype"]]).reshape(entry["shape"])
    return tensors


def nvcc():
    homes = [os.environ.get("CUDA_HOME"), ".cuda", "/usr/local/cuda"]
    in_homes = [home + "/bin/nvcc" for home in homes if home]
    for path in [os.environ.get("NVCC"), *in_homes[:-1], shutil.which("nvcc"), in_homes[-1]]:
        if path and os.path.exists(path):
            return path
    sys.exit("gpu.py: nvcc was not found; set $NVCC")


def compile_one(command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(" ".join(command) + "\n" + done.stdout + done.stderr)
    return done.stdout + done.stderr


def build(folders):
    """All sources of all folders at the same time; returns what ptxas said, by folder."""
    jobs = {}
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for folder in folders:
            plan = json.load(open(folder + "/plan.json"))
            os.makedirs(folder + "/objects", exist_ok=True)
            os.makedirs(folder + "/lib", exist_ok=True)
            number = plan["deployment"]["arch"][3:]
            for source in glob.glob(folder + "/*.cu") + glob.glob(folder + "/runtime/*.c*"):
                target = folder + "/objects/" + os.path.basename(source) + ".o"
                jobs[target] = (folder, pool.submit(compile_one, [
                    nvcc(), "-std=c++20", "-O3", "-gencode", f"arch=compute_{number},code=sm_{number}", "-Xcompiler",
                    "-fPIC,-fvisibility=hidden", "-Xptxas", "-v", "-I", folder, "-c", source, "-o", target]))
        reports = {folder: "" for folder in folders}
        for folder, job in jobs.values():
            reports[folder] += job.result()
    for folder in folders:
        name = json.load(open(folder + "/plan.json"))["name"]
        objects = [target for target, (of, _) in jobs.items() if of == folder]
        compile_one([nvcc(), "-shared", "-cudart", "shared", "-o", f"{folder}/lib/lib{name}.so"] + objects)
    for folder, report in reports.items():
        spills = [line.strip() for line in report.splitlines() if re.search(r"[1-9]\d* bytes spill", line)]
        if spills:
            print(f"{folder}: spills: {spills}")
    return reports


class Weights(ctypes.Structure):
    _fields_ = [("data", ctypes.c_void_p), ("mapping", ctypes.c_void_p), ("mapped_bytes", ctypes.c_size_t),
                ("owner", ctypes.c_void_p)]


class Sampling(ctypes.Structure):
    _fields_ = [("temperature", ctypes.c_float), ("top_k", ctypes.c_int32), ("top_p", ctypes.c_float),
                ("min_p", ctypes.c_float), ("repetition_penalty", ctypes.c_float), ("seed", ctypes.c_uint64)]


GREEDY = Sampling(0, 0, 1, 0, 1, 0)
TOP_P = Sampling(0.9, 0, 0.95, 0, 1, 1)
SEEN, END, NEVER = 1, 2, 4  # mambac_mark


class Cuda:
    """The CUDA runtime, as far as it is needed here."""

    def __init__(self):
        for name in ["libcudart.so", "libcudart.so.13", "libcudart.so.12", "/usr/local/cuda/lib64/libcudart.so"]:
            try:
                self.library = ctypes.CDLL(name, mode=ctypes.RTLD_GLOBAL)
                break
            except OSError:
                continue
        else:
            sys.exit("gpu.py: libcudart was not found")
        self.library.cudaGetErrorString.restype = ctypes.c_char_p

    def call(self, name, *arguments):
        status = getattr(self.library, name)(*arguments)
        if status != 0:
            raise RuntimeError(f"{name}: {self.library.cudaGetErrorString(status).decode()}")

    def allocate(self, size):
        pointer = ctypes.c_void_p()
        self.call("cudaMalloc", ctypes.byref(pointer), ctypes.c_size_t(size))
        return pointer

    def to_device(self, pointer, array):
        array = numpy.ascontiguousarray(array)
        self.call("cudaMemcpy", pointer, ctypes.c_void_p(array.ctypes.data), ctypes.c_size_t(array.nbytes), 1)

    def to_host(self, pointer, shape, dtype=numpy.float32):
        array = numpy.empty(shape, dtype)
        self.call("cudaMemcpy", ctypes.c_void_p(array.ctypes.data), pointer, ctypes.c_size_t(array.nbytes), 2)
        return array

    def synchronize(self):
        self.call("cudaDeviceSynchronize")

    def machine(self):
        name = ctypes.create_string_buffer(4096)  # cudaDeviceProp begins with the name
        self.call("cudaGetDeviceProperties", name, 0)
        return name.value.decode()

    def stream(self):
        stream = ctypes.c_void_p()
        self.call("cudaStreamCreateWithFlags", ctypes.byref(stream), 1)
        return stream


def header_constants(folder, name):
    """The sizes that NAME.h defines: {"STATE_BYTES": 19520, ...}"""
    constants = re.findall(r"#define " + name.upper() + r"_(\w+) (\d+)\n", open(f"{folder}/{name}.h").read())
    return {key: int(value) for key, value in constants}


class Artifact:
    """One artifact's library, its weights, a workspace and a state."""

    def __init__(self, cuda, folder, random_weights=False):
        self.cuda, self.folder = cuda, folder
        self.plan = json.load(open(folder + "/plan.json"))
        self.name = self.plan["name"]
        self.library = ctypes.CDLL(os.path.abspath(f"{folder}/lib/lib{self.name}.so"))
        self.constants = header_constants(folder, self.name)
        self.batch, self.outputs = self.constants["BATCH"], self.constants["OUTPUT_SIZE"]
        self.continuous = "INPUT_SIZE" in self.constants
        self.weights, self.message = Weights(), ctypes.create_string_buffer(1024)
        self.stream = cuda.stream()
        if random_weights:
            self.fill_weights()
        else:
            path = f"{folder}/{self.name}.weights".encode()
            self.check(self.function("weights_open")(path, ctypes.byref(self.weights), self.message, 1024))
        self.memory = cuda.allocate(self.constants["WORKSPACE_BYTES"])
        self.workspace = ctypes.c_void_p()
        self.check(self.function("workspace_open")(self.memory, ctypes.byref(self.workspace), self.message, 1024))
        self.state = cuda.allocate(self.constants["STATE_BYTES"])
        tokens = self.constants["FORWARD_TOKENS"]
        width = self.constants.get("INPUT_SIZE", 1)
        self.input = cuda.allocate(4 * self.batch * tokens * width)
        self.output = cuda.allocate(4 * self.batch * tokens * self.outputs)
        self.reset()

    def function(self, name):
        return getattr(self.library, f"{self.name}_{name}")

    def check(self, status):
        if status != 0:
            raise RuntimeError(f"{self.folder}: status {status}: {self.message.value.decode()}")

    def fill_weights(self):
        """Values of a plausible size, without a file: for timing alone."""
        generator = numpy.random.default_rng(1)
        size = self.plan["weight_bytes"]
        pointer = self.cuda.allocate(size)
        tile = (generator.standard_normal(1 << 24, numpy.float32) * 0.02)
        for tensor in self.plan["weights"]:
            count = tensor["bytes"] // (4 if tensor["type"] == "f32" else 2)
            for first in range(0, count, tile.size):
                values = tile[:min(tile.size, count - first)]
                if tensor["transform"] == "negative_exponential":
                    values = -1.0 - numpy.abs(values)
                if tensor["type"] == "bf16":
                    values = (values.view(numpy.uint32) >> 16).astype(numpy.uint16)
                elif tensor["type"] == "f16":
                    values = values.astype(numpy.float16)
                at = tensor["offset"] + first * values.itemsize
                self.cuda.to_device(ctypes.c_void_p(pointer.value + at), values)
        self.weights.data = pointer.value

    def reset(self):
        self.check(self.function("state_reset")(self.state, self.stream))
        self.cuda.synchronize()

    def run(self, program, *arguments):
        self.check(self.function(program)(ctypes.byref(self.weights), self.workspace, self.state, *arguments,
                                          self.stream))

    def state_floats(self):
        """(batch, floats of a sequence)"""
        size = self.constants["STATE_BYTES"] // 4
        return self.cuda.to_host(self.state, size)[16:].reshape(self.batch, -1)

    def set_state_floats(self, floats):
        whole = self.cuda.to_host(self.state, self.constants["STATE_BYTES"] // 4)
        whole[16:] = floats.reshape(-1)
        self.cuda.to_device(self.state, whole)

    def run_tokens(self, program, values):
        """Outputs (batch, count, outputs) of `values` (batch, count[, input size]), from the present state."""
        count = values.shape[1]
        if program == "steps":
            return self.run_steps(values)
        most = 1 if program == "step" else self.constants["FORWARD_TOKENS"]
        parts = []
        for first in range(0, count, most):
            block = values[:, first:first + most]
            self.cuda.to_device(self.input, block)
            if program == "step":
                self.run("step", self.input, self.output)
            else:
                self.run("forward", self.input, block.shape[1], 0, self.output)
            self.cuda.synchronize()
            parts.append(self.cuda.to_host(self.output, (self.batch, block.shape[1], self.outputs)))
        return numpy.concatenate(parts, 1)

    def run_steps(self, values):
        """All tokens in as many calls as input and output have room for."""
        most, parts = self.constants["FORWARD_TOKENS"], []
        for first in range(0, values.shape[1], most):
            block = numpy.swapaxes(values[:, first:first + most], 0, 1)
            self.cuda.to_device(self.input, block)
            self.run("steps", self.input, block.shape[0], self.output)
            self.cuda.synchronize()
            outputs = self.cuda.to_host(self.output, (block.shape[0], self.batch, self.outputs))
            parts.append(numpy.swapaxes(outputs, 0, 1))
        return numpy.concatenate(parts, 1)

    def generate(self, token, count, sampling, marks, position=1):
        """The tokens that follow `token`, which the state has not seen."""
        first, places, out = self.cuda.allocate(4), self.cuda.allocate(marks.size), self.cuda.allocate(4 * count)
        self.cuda.to_device(first, numpy.array([token], numpy.int32))
        self.cuda.to_device(places, marks)
        self.cuda.to_device(out, numpy.full(count, -2, numpy.int32))
        self.run("generate", first, ctypes.c_int64(position), ctypes.byref(sampling), places, count, out)
        self.cuda.synchronize()
        tokens = self.cuda.to_host(out, count, numpy.int32)
        for pointer in [first, places, out]:
            self.cuda.call("cudaFree", pointer)
        return tokens

    def marks(self):
        """Padding of the vocabulary is never chosen."""
        marks = numpy.zeros(self.outputs, numpy.uint8)
        marks[self.plan["model"].get("vocabulary_used") or self.outputs:] = NEVER
        return marks

    def programs(self):
        return [one["name"] for one in self.plan["programs"]]

    def rounds_operands(self, program):
        """Whether the program's products are made on tensor cores, from operands in float16."""
        calls = [one for one in self.plan["programs"] if one["name"] == program][0]["calls"]
        if not calls and program != "step":  # step after step
            return self.rounds_operands("step")
        return any(call["kernel"] == "project_tiles" for call in calls)

    def close(self):
        self.cuda.synchronize()
        for pointer in [self.memory, self.state, self.input, self.output, ctypes.c_void_p(self.weights.data)]:
            self.cuda.call("cudaFree", pointer)


def golden_state(artifact, golden, suffix):
    """The state's tensors of a golden as (batch, floats of a sequence), with a mask of what they say."""
    plan = artifact.plan
    state = numpy.zeros((artifact.batch, plan["state_floats"]), numpy.float64)
    for tensor in plan["state"]:
        name = f"{tensor['golden_name']}_{suffix}.{tensor['layer']}"
        if name not in golden:
            return None
        values = golden[name]
        if values.ndim == len(tensor["shape"]):
            values = numpy.broadcast_to(values, (artifact.batch,) + values.shape)
        order = tensor["golden_order"]
        values = values.transpose([0] + [1 + order.index(axis) for axis in range(len(order))])
        padded = list(tensor["shape"][:-1]) + [tensor["padded_last"]]
        whole = numpy.zeros([artifact.batch] + padded)
        whole[..., :tensor["shape"][-1]] = values
        size = int(numpy.prod(padded))
        state[:, tensor["offset"]:tensor["offset"] + size] = whole.reshape(artifact.batch, size)
    return state


def error(found, right):
    difference = numpy.linalg.norm((found.astype(numpy.float64) - right).ravel())
    norm = numpy.linalg.norm(right.astype(numpy.float64).ravel())
    return float(difference / norm if norm > 0 else difference)


def state_errors(artifact, floats, right):
    """The largest error of a state's tensors."""
    worst = 0.0
    for tensor in artifact.plan["state"]:
        size = int(numpy.prod(tensor["shape"][:-1])) * tensor["padded_last"]
        part = slice(tensor["offset"], tensor["offset"] + size)
        worst = max(worst, error(floats[:, part], right[:, part]))
    return worst


def greedy(artifact, outputs, golden, least_margin):
    """How many of the golden's greedy tokens follow from the present state, by step. `least_margin`: tokens whose logit
    is not that much above the next one's count whatever was chosen."""
    used = artifact.plan["model"].get("vocabulary_used") or artifact.outputs
    logits, found = outputs[0, -1], 0
    for right, margin in zip(golden["greedy_ids"].ravel(), golden["greedy_margins"].ravel()):
        found += int(numpy.argmax(logits[:used]) == right or margin < least_margin)
        logits = artifact.run_tokens("step", numpy.full((artifact.batch, 1), right, numpy.int32))[0, -1]
    return found


def check_generate(artifact, values, golden):
    """generate against step and the host's choice: greedy tokens, the state behind them, an end, the same bits twice."""
    used = artifact.plan["model"].get("vocabulary_used") or artifact.outputs
    last = int(values[0, -1])
    count = golden["greedy_ids"].size if "greedy_ids" in golden else 64

    def read_prompt():
        artifact.reset()
        if values.shape[1] > 1:
            artifact.run_tokens("step", values[:, :-1])

    read_prompt()
    right, token = [], last
    for _ in range(count):
        logits = artifact.run_tokens("step", numpy.full((1, 1), token, numpy.int32))[0, -1]
        token = int(numpy.argmax(logits[:used]))
        right.append(token)
    state = artifact.state_floats()
    read_prompt()
    greedy_tokens = artifact.generate(last, count, GREEDY, artifact.marks())
    same_state = artifact.state_floats().tobytes() == state.tobytes()
    sampled = []
    for seed in [1, 1, 2]:
        read_prompt()
        TOP_P.seed = seed
        sampled.append(artifact.generate(last, count, TOP_P, artifact.marks()))
    marks = artifact.marks()
    marks[right[count // 2]] |= END
    read_prompt()
    ended = artifact.generate(last, count, GREEDY, marks)
    end = right.index(right[count // 2])
    result = {"artifact": os.path.basename(artifact.folder), "program": "generate", "tokens": count,
              "greedy": int((greedy_tokens == right).sum()), "state_of_step": bool(same_state),
              "same_bits": bool((sampled[0] == sampled[1]).all()), "seed_matters": bool((sampled[0] != sampled[2]).any()),
              "sampled": [int(sampled[0].min()), int(sampled[0].max())],
              "ends": bool((ended[:end + 1] == right[:end + 1]).all() and (ended[end + 1:] == -2).all())}
    result["passed"] = bool(result["greedy"] == count and same_state and result["same_bits"] and result["ends"]
                            and sampled[0].min() >= 0 and sampled[0].max() < used)
    if "greedy_ids" in golden:
        result["golden"] = int((greedy_tokens == golden["greedy_ids"].ravel()).sum())
        result["passed"] = result["passed"] and result["golden"] == count
    return result


def check(cuda, folder, golden_path):
    """A golden whose path ends with ":bf16" comes from weights that bf16 holds exactly (bench/rounded_golden.py)."""
    bf16_golden = golden_path.endswith(":bf16")
    golden = read_safetensors(golden_path.removesuffix(":bf16"))
    artifact = Artifact(cuda, folder)
    bf16 = artifact.plan["weight_type"] == "bf16"
    values = golden["inputs"].astype(numpy.float32) if artifact.continuous else golden["input_ids"].astype(numpy.int32)
    if values.ndim == (2 if artifact.continuous else 1):
        values = numpy.broadcast_to(values, (artifact.batch,) + values.shape).copy()
    right = golden["outputs"]
    if right.ndim == 2:
        right = numpy.broadcast_to(right, (artifact.batch,) + right.shape)
    results, of_step = [], None
    for program in sorted(artifact.programs(), key=lambda name: name != "step"):  # the others are compared with step
        if program == "generate":
            results.append(check_generate(artifact, values, golden))
            print(f"{'ok    ' if results[-1]['passed'] else 'FAILED'} {results[-1]}", flush=True)
            continue
        answers = []
        for _ in range(2):
            artifact.reset()
            before = golden_state(artifact, golden, "in")
            if before is not None:
                artifact.set_state_floats(before.astype(numpy.float32))
            outputs = artifact.run_tokens(program, values)
            answers.append((outputs, artifact.state_floats()))
        outputs, floats = answers[0]
        after = golden_state(artifact, golden, "out")
        result = {"artifact": os.path.basename(folder), "program": program, "outputs": error(outputs, right),
                  "state": state_errors(artifact, floats, after) if after is not None else None,
                  "same_bits": bool((answers[0][0].tobytes() == answers[1][0].tobytes()) and
                                    (answers[0][1].tobytes() == answers[1][1].tobytes()))}
        of_step = outputs if program == "step" else of_step
        result["against_step"] = error(outputs, of_step)
        # A golden of f32 weights cannot say more of rounded ones than their rounding, if they have been rounded.
        exact = not bf16 or bf16_golden
        rounding = 2e-3 if artifact.rounds_operands(program) else 2e-6
        tolerance = rounding if exact else 0.05
        result["tolerance"] = tolerance
        worst = max(result["outputs"], result["state"] or 0.0)
        result["passed"] = bool(worst <= tolerance and result["against_step"] <= rounding and result["same_bits"])
        if "greedy_ids" in golden and not artifact.continuous and exact:
            rounds = artifact.rounds_operands("step") or artifact.rounds_operands(program)
            result["greedy"] = greedy(artifact, outputs, golden, 0.1 if rounds else 0.0)
            result["passed"] = result["passed"] and result["greedy"] == golden["greedy_ids"].size
        results.append(result)
        print(f"{'ok    ' if result['passed'] else 'FAILED'} {result}", flush=True)
    artifact.close()
    return results


def median_time(cuda, stream, call, calls, rounds):
    """Median over the rounds of the time of one call, in us, between events around `calls` calls."""
    start, end = ctypes.c_void_p(), ctypes.c_void_p()
    cuda.call("cudaEventCreate", ctypes.byref(start))
    cuda.call("cudaEventCreate", ctypes.byref(end))
    times = []
    for _ in range(rounds + 1):
        cuda.call("cudaEventRecord", start, stream)
        for _ in range(calls):
            call()
        cuda.call("cudaEventRecord", end, stream)
        cuda.call("cudaEventSynchronize", end)
        milliseconds = ctypes.c_float()
        cuda.call("cudaEventElapsedTime", ctypes.byref(milliseconds), start, end)
        times.append(1e3 * milliseconds.value / calls)
    return statistics.median(times[1:])


def as_graph(cuda, stream, call):
    """A call that replays what `call` puts on the stream."""
    graph, executable = ctypes.c_void_p(), ctypes.c_void_p()
    cuda.call("cudaStreamBeginCapture", stream, 2)
    call()
    cuda.call("cudaStreamEndCapture", stream, ctypes.byref(graph))
    cuda.call("cudaGraphInstantiate", ctypes.byref(executable), graph, ctypes.c_ulonglong(0))
    return lambda: cuda.call("cudaGraphLaunch", executable, stream)


def measure(cuda, folder):
    artifact = Artifact(cuda, folder, random_weights=True)
    tokens = artifact.constants["FORWARD_TOKENS"]
    width = artifact.constants.get("INPUT_SIZE", 1)
    generator = numpy.random.default_rng(2)
    if artifact.continuous:
        values = generator.uniform(-1, 1, (artifact.batch, tokens, width)).astype(numpy.float32)
    else:
        values = generator.integers(0, artifact.constants["VOCABULARY"], (artifact.batch, tokens)).astype(numpy.int32)
    cuda.to_device(artifact.input, values)
    results = []
    for program in artifact.programs():
        if program == "step":
            def call():
                artifact.run("step", artifact.input, artifact.output)
            calls, rounds, of_call = 50, 9, 1
        elif program == "steps":
            of_call = min(tokens, 64)

            def call():
                artifact.run("steps", artifact.input, of_call, artifact.output)
            calls, rounds = 3, 9
        elif program == "generate":
            of_call = 64
            token, marks, chosen = cuda.allocate(4), cuda.allocate(artifact.outputs), cuda.allocate(4 * of_call)
            cuda.to_device(token, numpy.array([1], numpy.int32))
            cuda.to_device(marks, artifact.marks())

            def call():
                artifact.function("state_reset")(artifact.state, artifact.stream)
                artifact.run("generate", token, ctypes.c_int64(1), ctypes.byref(TOP_P), marks, of_call, chosen)
            calls, rounds = 3, 9
        else:
            def call():
                artifact.run("forward", artifact.input, tokens, 1, artifact.output)
            calls, rounds, of_call = 3, 5, tokens
        artifact.reset()
        call()
        cuda.synchronize()
        if program == "generate":
            finite = bool((cuda.to_host(chosen, of_call).view(numpy.int32) >= 0).all())
        else:
            finite = bool(numpy.isfinite(cuda.to_host(artifact.output, (artifact.batch, artifact.outputs))).all())
        result = {"artifact": os.path.basename(folder), "program": program, "batch": artifact.batch,
                  "tokens": of_call, "finite": finite,
                  "direct_us": median_time(cuda, artifact.stream, call, calls, rounds)}
        replay = as_graph(cuda, artifact.stream, call)
        result["graph_us"] = median_time(cuda, artifact.stream, replay, calls, rounds)
        result["direct_us_a_token"], result["graph_us_a_token"] = result["direct_us"] / of_call, result["graph_us"] / of_call
        results.append(result)
        print(result, flush=True)
    artifact.close()
    return results


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=["build", "check", "time", "all"])
    parser.add_argument("arguments", nargs="+")
    parser.add_argument("--out", default="gpu.json")
    options = parser.parse_args()
    checks, times = {}, []
    if options.command == "all":
        plan = json.load(open(options.arguments[0]))
        checks, times = plan.get("check", {}), plan.get("time", [])
    elif options.command == "check":
        checks = dict(argument.split("=") for argument in options.arguments)
    else:
        times = options.arguments
    start = time.time()
    build(sorted(set(list(checks) + list(times))))
    print(f"built in {time.time() - start:.0f} s", flush=True)
    if options.command == "build":
        return
    cuda = Cuda()
    results = {"machine": cuda.machine(), "date": time.strftime("%Y-%m-%d"), "checks": [], "times": []}
    failed = []
    for kind, work in [("checks", [(check, folder, golden) for folder, golden in checks.items()]),
                       ("times", [(measure, folder) for folder in times])]:
        for function, *arguments in work:
            try:
                results[kind] += function(cuda, *arguments)
            except (RuntimeError, OSError, KeyError, ValueError) as problem:
                print(f"FAILED {arguments[0]}: {problem}", flush=True)
                failed.append(arguments[0])
            with open(options.out, "w") as file:
                json.dump(results, file, indent=1)
                file.write("\n")
    failed += [result["artifact"] for result in results["checks"] if not result["passed"]]
    print(f"{len(results['checks'])} checks, {len(failed)} failed: {failed}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()

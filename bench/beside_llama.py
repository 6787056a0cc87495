#!/usr/bin/env python3
"""Runs mamba-130m in llama.cpp beside the library that mambac builds of the same weights, in turns on the same cores.

  python3 -m venv .mambac/llama && .mambac/llama/bin/pip install llama-cpp-python gguf numpy
  .mambac/llama/bin/python bench/beside_llama.py NAME [--threads N] [--rounds N]

Prints tokens a second of decode and of a prompt of 512, for both, and writes bench/results/NAME-llama.json. The weights are
fresh ones (`mambac init`), written as GGUF in bf16 and f16; ours are bf16. The last logits of a prompt are compared, so
that both have computed the same model.
"""
import argparse
import ctypes
import json
import pathlib
import statistics
import struct
import subprocess
import time

import gguf
import llama_cpp
import numpy

TOP = pathlib.Path(__file__).resolve().parent.parent
WORK = TOP / ".mambac" / "bench"
SHAPE = "mamba-130m"
PROMPT = 512
DECODED = 32  # tokens of one round


def mambac(*arguments):
    return subprocess.run([TOP / "tools" / "mambac", *arguments], check=True, capture_output=True, text=True).stdout


def read_tensors(path):
    """Tensors of a safetensors file whose elements are all f32."""
    data = path.read_bytes()
    header_bytes = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + header_bytes])
    for name, tensor in header.items():
        if name == "__metadata__":
            continue
        begin, end = (8 + header_bytes + offset for offset in tensor["data_offsets"])
        yield name, numpy.frombuffer(data[begin:end], dtype=numpy.float32).reshape(tensor["shape"])


# Of one layer: name in the checkpoint, name in GGUF, whether it is a matrix that is read as 16 bits.
LAYER_TENSORS = {
    "norm.weight": ("attn_norm.weight", False),
    "mixer.in_proj.weight": ("ssm_in.weight", True),
    "mixer.conv1d.weight": ("ssm_conv1d.weight", False),
    "mixer.conv1d.bias": ("ssm_conv1d.bias", False),
    "mixer.x_proj.weight": ("ssm_x.weight", True),
    "mixer.dt_proj.weight": ("ssm_dt.weight", True),
    "mixer.dt_proj.bias": ("ssm_dt.bias", False),
    "mixer.A_log": ("ssm_a", False),
    "mixer.D": ("ssm_d", False),
    "mixer.out_proj.weight": ("ssm_out.weight", True),
}


def write_gguf(model, path, element):
    """The checkpoint as llama.cpp reads it; `element`: BF16 or F16, of the matrices."""
    tensors = dict(read_tensors(model / "model.safetensors"))
    embedding = next(tensors[name] for name in tensors if name.startswith("backbone.embedding"))
    layers = 1 + max(int(name.split(".")[2]) for name in tensors if name.startswith("backbone.layers."))
    rank = tensors["backbone.layers.0.mixer.dt_proj.weight"].shape[1]
    inner, state = tensors["backbone.layers.0.mixer.A_log"].shape

    writer = gguf.GGUFWriter(path, "mamba")
    writer.add_context_length(2**20)
    writer.add_embedding_length(embedding.shape[1])
    writer.add_feed_forward_length(0)
    writer.add_head_count(0)
    writer.add_block_count(layers)
    writer.add_vocab_size(embedding.shape[0])
    writer.add_ssm_conv_kernel(tensors["backbone.layers.0.mixer.conv1d.weight"].shape[-1])
    writer.add_ssm_inner_size(inner)
    writer.add_ssm_state_size(state)
    writer.add_ssm_time_step_rank(rank)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_tokenizer_model("no_vocab")

    kind = gguf.GGMLQuantizationType[element]

    def add(name, values, matrix):
        if matrix:
            writer.add_tensor(name, gguf.quants.quantize(values, kind), raw_dtype=kind)
        else:
            writer.add_tensor(name, numpy.ascontiguousarray(values, dtype=numpy.float32))

    add("token_embd.weight", embedding, True)
    add("output_norm.weight", tensors["backbone.norm_f.weight"], False)
    for layer in range(layers):
        for name, (theirs, matrix) in LAYER_TENSORS.items():
            values = tensors[f"backbone.layers.{layer}.{name}"]
            if name == "mixer.A_log":
                values = -numpy.exp(values)
            if name == "mixer.conv1d.weight":
                values = values.squeeze(1)
            add(f"blk.{layer}.{theirs}", values, matrix)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


class Llama:
    """A model file in llama.cpp, with one sequence."""

    def __init__(self, path, threads):
        self.model = llama_cpp.llama_model_load_from_file(str(path).encode(), llama_cpp.llama_model_default_params())
        options = llama_cpp.llama_context_default_params()
        options.n_ctx = 2 * PROMPT
        options.n_batch = options.n_ubatch = PROMPT
        options.n_threads = options.n_threads_batch = threads
        self.context = llama_cpp.llama_init_from_model(self.model, options)
        if not self.model or not self.context:
            raise SystemExit(f"llama.cpp cannot load {path}")

    def run(self, tokens):
        array = (llama_cpp.llama_token * len(tokens))(*tokens)
        if llama_cpp.llama_decode(self.context, llama_cpp.llama_batch_get_one(array, len(tokens))) != 0:
            raise SystemExit("llama_decode failed")

    def reset(self):
        llama_cpp.llama_memory_clear(llama_cpp.llama_get_memory(self.context), True)

    def prompt_seconds(self, tokens):
        self.reset()
        start = time.perf_counter()
        self.run(tokens)
        return time.perf_counter() - start

    def step_seconds(self, tokens):
        times = []
        for token in tokens:
            start = time.perf_counter()
            self.run([token])
            times.append(time.perf_counter() - start)
        return statistics.median(times)

    def last_logits(self, count):
        return numpy.ctypeslib.as_array(llama_cpp.llama_get_logits_ith(self.context, -1), (count,)).copy()


def our_logits(artifact, tokens):
    """Of the last token, by the artifact's own `forward`."""
    cases = WORK / "llama-case.safetensors", WORK / "llama-answer.safetensors"
    data = numpy.asarray([tokens], dtype=numpy.int32)
    header = json.dumps({"input_ids": {"dtype": "I32", "shape": list(data.shape), "data_offsets": [0, data.nbytes]}})
    header += " " * (-len(header) % 8)
    cases[0].write_bytes(struct.pack("<Q", len(header)) + header.encode() + data.tobytes())
    mambac("evaluate", artifact, "--cases", cases[0], "--out", cases[1], "--program", "forward")
    return dict(read_tensors(cases[1]))["outputs"][0, -1]


def our_seconds(artifact):
    """Of a step and of a forward of the prompt."""
    programs = json.loads(mambac("bench", artifact, "--json", "--seconds", "2"))["programs"]
    return [next(p["median_us"] for p in programs if p["program"] == name) / 1e6 for name in ("step", "forward")]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    quiet = llama_cpp.llama_log_callback(lambda level, text, data: None)
    llama_cpp.llama_log_set(quiet, ctypes.c_void_p())

    model, artifact = WORK / "models" / SHAPE, WORK / f"{SHAPE}-llama"
    if not (model / "model.safetensors").exists():
        mambac("init", TOP / "configs" / SHAPE, "--seed", "1", "--out", model)
    print(f"building {SHAPE}, bf16, {arguments.threads} threads", flush=True)
    mambac("build", model, "--out", artifact, "--weights", "bf16", "--threads", str(arguments.threads),
           "--forward-tokens", str(PROMPT))
    tokens = [(7 * index + 3) % 50000 for index in range(PROMPT)]
    ours = our_logits(artifact, tokens)

    peers = {}
    for element in ("BF16", "F16"):
        path = WORK / f"{SHAPE}-{element}.gguf"
        if not path.exists():
            print(f"writing {path.name}", flush=True)
            write_gguf(model, path, element)
        peers[element] = Llama(path, arguments.threads)
        peers[element].run(tokens)
        theirs = peers[element].last_logits(len(ours))
        difference = float(numpy.linalg.norm(theirs - ours) / numpy.linalg.norm(ours))
        print(f"llama.cpp {element}: logits differ from ours by {difference:.1e} (norm over norm)", flush=True)
        if not difference < 0.05:
            raise SystemExit("that is another model")

    times = {name: {"decode": [], "prompt": []} for name in ("ours", *peers)}
    for turn in range(arguments.rounds):
        step, prompt = our_seconds(artifact)
        times["ours"]["decode"].append(step)
        times["ours"]["prompt"].append(prompt)
        for element, peer in peers.items():
            times[element]["prompt"].append(peer.prompt_seconds(tokens))
            times[element]["decode"].append(peer.step_seconds(tokens[:DECODED]))
        print(f"round {turn + 1} of {arguments.rounds}", flush=True)

    rows = []
    print(f"\n{'':16} {'decode, tokens/s':>18} {'ours is':>9} {'prompt of 512, s':>18} {'ours is':>9}")
    for name, measured in times.items():
        decode, prompt = (statistics.median(measured[kind]) for kind in ("decode", "prompt"))
        ratios = [statistics.median(t / o for t, o in zip(measured[kind], times["ours"][kind]))
                  for kind in ("decode", "prompt")]
        label = "ours, bf16" if name == "ours" else f"llama.cpp, {name.lower()}"
        print(f"{label:16} {1 / decode:18.1f} {ratios[0]:8.2f}x {prompt:18.3f} {ratios[1]:8.2f}x")
        rows.append({"who": label, "decode_s": decode, "prompt_s": prompt,
                     "decode_over_ours": ratios[0], "prompt_over_ours": ratios[1]})
    results = TOP / "bench" / "results" / f"{arguments.name}-llama.json"
    results.write_text(json.dumps({
        "shape": SHAPE, "threads": arguments.threads, "rounds": arguments.rounds, "prompt_tokens": PROMPT,
        "llama_cpp_python": llama_cpp.__version__, "rows": rows}, indent=1) + "\n")
    print(f"wrote {results.relative_to(TOP)}")


if __name__ == "__main__":
    main()

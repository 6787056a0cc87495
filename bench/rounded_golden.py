#!/usr/bin/env python3
"""What a golden's model answers once its matrices are rounded to bf16, in double precision.

    bench/rounded_golden.py tests/goldens/falcon-tiny OUT.safetensors

For Mamba-1 and FalconMamba with tokens. The golden's own weights must first give the golden's own answers, within 1e-6
(it stores the larger ones in f32). An artifact with bf16 weights can then be held to its arithmetic alone:
`bench/gpu.py check FOLDER=OUT.safetensors:bf16`. Needs Python and numpy.
"""
import json
import os
import sys

import numpy

from gpu import read_safetensors


def rounded_to_bf16(values):
    """The nearest numbers of bf16, ties to even."""
    bits = values.astype(numpy.float32).view(numpy.uint32)
    return ((bits + 0x7fff + (bits >> 16 & 1)) >> 16 << 16).astype(numpy.uint32).view(numpy.float32)


def sigmoid(x):
    return 1 / (1 + numpy.exp(-x))


def rms(x, epsilon):
    return x / numpy.sqrt((x * x).mean(-1, keepdims=True) + epsilon)


def layer(weights, prefix, config, x, window, h):
    """One mixer: x (tokens, D) after its norm; window (E, K - 1) and h (E, N) before it, both after it as well."""
    w = {name.removeprefix(prefix): value for name, value in weights.items() if name.startswith(prefix)}
    projected = x @ w["in_proj.weight"].T + w.get("in_proj.bias", 0)
    inner = projected.shape[1] // 2
    taps = w["conv1d.weight"][:, 0, :]
    before = numpy.concatenate([window.T, projected[:, :inner]])
    tokens = len(x)
    convolved = sum(before[k:k + tokens] * taps[:, k] for k in range(taps.shape[1])) + w.get("conv1d.bias", 0)
    u = convolved * sigmoid(convolved)
    states = w["A_log"].shape[1]
    rank = w["x_proj.weight"].shape[0] - 2 * states
    dt, b, c = numpy.split(u @ w["x_proj.weight"].T, [rank, rank + states], axis=1)
    if config["model_type"] == "falcon_mamba":
        dt, b, c = (rms(part, config["mixer_rms_eps"]) for part in (dt, b, c))
    delta = numpy.logaddexp(0, dt @ w["dt_proj.weight"].T + w["dt_proj.bias"])
    a = -numpy.exp(w["A_log"])
    y = numpy.empty_like(u)
    for t in range(tokens):
        h = numpy.exp(delta[t][:, None] * a) * h + (delta[t] * u[t])[:, None] * b[t]
        y[t] = h @ c[t] + w["D"] * u[t]
    gate = projected[:, inner:]
    output = (y * gate * sigmoid(gate)) @ w["out_proj.weight"].T + w.get("out_proj.bias", 0)
    return output, before[tokens:].T, h


def answers(config, weights, golden):
    """Outputs and states of the golden's tokens, under the golden's names."""
    epsilon = config["layer_norm_epsilon"]
    embedding = weights["backbone.embeddings.weight"]
    residual = embedding[golden["input_ids"].ravel()]
    result = {}
    for index in range(config["num_hidden_layers"]):
        prefix = f"backbone.layers.{index}."
        normed = rms(residual, epsilon) * weights[prefix + "norm.weight"]
        state = (golden[f"{kind}_state_in.{index}"].astype(numpy.float64) for kind in ("conv", "ssm"))
        output, window, h = layer(weights, prefix + "mixer.", config, normed, *state)
        result[f"conv_state_out.{index}"], result[f"ssm_state_out.{index}"] = window, h
        residual = residual + output
    head = weights.get("lm_head.weight", embedding)
    result["outputs"] = rms(residual, epsilon) * weights["backbone.norm_f.weight"] @ head.T
    return result


def relative_error(found, right):
    return numpy.linalg.norm(found - right) / numpy.linalg.norm(right)


def write_safetensors(path, tensors):
    names = {numpy.dtype(numpy.float64): "F64", numpy.dtype(numpy.int64): "I64", numpy.dtype(numpy.float32): "F32"}
    header, data = {}, b""
    for name, values in tensors.items():
        piece = numpy.ascontiguousarray(values).tobytes()
        header[name] = {"dtype": names[values.dtype], "shape": values.shape,
                        "data_offsets": [len(data), len(data) + len(piece)]}
        data += piece
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text + data)


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    folder, path = sys.argv[1:]
    with open(os.path.join(folder, "config.json")) as file:
        config = json.load(file)
    golden = read_safetensors(os.path.join(folder, "golden.safetensors"))
    weights = {name: values.astype(numpy.float64)
               for name, values in read_safetensors(os.path.join(folder, "model.safetensors")).items()}
    for name, values in answers(config, weights, golden).items():
        difference = relative_error(values, golden[name])
        if not difference < 1e-6:
            sys.exit(f"rounded_golden.py: {folder}: {name} differs from the golden's by {difference:.1e}")
    for name, values in weights.items():
        if values.ndim == 2 and not name.endswith("A_log"):
            weights[name] = rounded_to_bf16(values).astype(numpy.float64)
    kept = {name: golden[name] for name in golden if name == "input_ids" or "_state_in." in name}
    write_safetensors(path, kept | answers(config, weights, golden))


if __name__ == "__main__":
    main()

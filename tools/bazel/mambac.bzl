"""mambac_library: a model as a C++ library, generated and compiled by Bazel.

    load("//tools/bazel:mambac.bzl", "mambac_library")

    mambac_library(
        name = "austen",
        model = "//configs:austen-mamba",
        deployment = "//configs:deployments/low-latency.json",
    )

makes

    austen            the library: `#include "austen.h"`
    austen_weights    the packed weights, austen.weights
    austen_test       the contracts that the header states, tested with these weights
    austen_benchmark  how long a step and a forward take
    austen_source     the folder with the readable source
"""

load("@rules_cc//cc:defs.bzl", "cc_binary", "cc_library", "cc_test")
load("//tools/bazel:mambac_action.bzl", "MAMBAC_ATTRIBUTES", "output_groups", "run_mambac")

# Of every artifact, as its own CMakeLists.txt and `mambac build` say: fused are those products and sums that the source
# fuses, no others. tests/tools_test.cpp holds them to what mambac says.
_COMPILE_OPTIONS = ["-std=c++20", "-O3", "-ffp-contract=off", "-fno-math-errno"]

# Generates into $source, packs into $weights, and sorts what Bazel compiles: the library into $library, test and
# benchmark beside it. A configuration without weights gets fresh ones. Arguments: options of the deployment.
_GENERATE = """
set -euo pipefail
exec >/dev/null  # errors and warnings come on the other stream
if ! ls "$model" | grep -q 'safetensors'; then
  "$mambac" init "$model" --seed 1 --out "$weights.model"
  model=$weights.model
fi
"$mambac" generate "$model" --name "$name" --out "$source" "$@"
"$mambac" pack "$model" --name "$name" --out "$weights" "$@"
cp -r "$source"/*.h "$source"/*.cpp "$source/runtime" "$library"
mv "$library/${name}_test.cpp" "$test"
mv "$library/${name}_benchmark.cpp" "$benchmark"
"""

def _mambac_source_impl(ctx):
    name = ctx.attr.artifact
    outputs = {
        "source": ctx.actions.declare_directory(name + "_source"),
        "library": ctx.actions.declare_directory(name + "_library"),
        "test": ctx.actions.declare_file(name + "_test.cpp"),
        "benchmark": ctx.actions.declare_file(name + "_benchmark.cpp"),
        "weights": ctx.actions.declare_file(name + ".weights"),
    }
    arguments = ["--isa", ctx.attr.isa]
    if ctx.file.deployment:
        arguments += ["--deployment", ctx.file.deployment.path]
    return run_mambac(
        ctx,
        outputs,
        _GENERATE,
        arguments,
        mnemonic = "Mambac",
        progress_message = "Generating " + name,
        inputs = ctx.files.deployment,
    )

_mambac_source = rule(
    implementation = _mambac_source_impl,
    attrs = dict(
        MAMBAC_ATTRIBUTES,
        deployment = attr.label(allow_single_file = [".json"]),
        isa = attr.string(mandatory = True),
    ),
)

def mambac_library(name, model, deployment = None, isa = "x86-64-v3", visibility = None):
    """Makes the targets above.

    Args:
      name: an identifier of C: the prefix of every function.
      model: a label whose files are a model's folder: config.json and, if there are any, weights and tokenizer.
      deployment: a deployment's JSON file; without it the defaults of `mambac build`.
      isa: x86-64-v3 or x86-64-v4. Bazel must know it before anything is generated: the deployment's is not used.
      visibility: of all targets.
    """
    _mambac_source(
        name = name + "_source",
        artifact = name,
        model = model,
        deployment = deployment,
        isa = isa,
        visibility = visibility,
    )
    output_groups(name, ["library", "test", "benchmark", "weights"], visibility)
    cc_library(
        name = name,
        srcs = [name + "_library_source"],
        hdrs = [name + "_library_source"],
        copts = _COMPILE_OPTIONS + ["-march=" + isa],
        includes = [name + "_library"],
        linkopts = ["-pthread"],
        linkstatic = True,  # Bazel 4 leaves objects of a folder out of a shared library
        visibility = visibility,
    )
    cc_test(
        name = name + "_test",
        srcs = [name + "_test_source"],
        args = ["$(location %s_weights)" % name],
        data = [name + "_weights"],
        deps = [name],
        visibility = visibility,
    )
    cc_binary(
        name = name + "_benchmark",
        srcs = [name + "_benchmark_source"],
        args = ["$(location %s_weights)" % name],
        data = [name + "_weights"],
        deps = [name],
        visibility = visibility,
    )

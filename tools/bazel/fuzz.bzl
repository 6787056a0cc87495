"""fuzz_test: a libFuzzer target with the address and undefined-behaviour sanitizers, compiled by clang++-19."""

_COMPILE = """
set -euo pipefail
output=$1
shift
clang++-19 -std=c++20 -O1 -g -iquote . -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all "$@" -lfmt -o "$output"
"""

# What the fuzzer finds on its way is written to the test's own folder, a crash to where Bazel keeps a test's outputs.
_RUN = """#!/usr/bin/env bash
set -euo pipefail
mkdir -p "$TEST_TMPDIR/found"
exec {fuzzer} -max_total_time={seconds} -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \\
  -artifact_prefix="$TEST_UNDECLARED_OUTPUTS_DIR/" "$TEST_TMPDIR/found" {corpus}
"""

def _fuzzer_impl(ctx):
    fuzzer = ctx.actions.declare_file(ctx.label.name)
    sources = [file for file in ctx.files.srcs if file.extension == "cpp"]
    ctx.actions.run_shell(
        outputs = [fuzzer],
        inputs = ctx.files.srcs,
        command = _COMPILE,
        arguments = [fuzzer.path] + [file.path for file in sources],
        use_default_shell_env = True,
        mnemonic = "Fuzzer",
        progress_message = "Compiling " + ctx.label.name,
    )
    return DefaultInfo(files = depset([fuzzer]), executable = fuzzer)

_fuzzer = rule(
    implementation = _fuzzer_impl,
    attrs = {"srcs": attr.label_list(mandatory = True, allow_files = [".cpp", ".h"])},
    executable = True,
)

def _fuzz_test_impl(ctx):
    ctx.actions.write(
        ctx.outputs.executable,
        _RUN.format(
            fuzzer = ctx.executable.fuzzer.short_path,
            seconds = ctx.attr.seconds,
            corpus = ctx.files.corpus[0].dirname,
        ),
        is_executable = True,
    )
    return DefaultInfo(runfiles = ctx.runfiles(files = [ctx.executable.fuzzer] + ctx.files.corpus))

_fuzz_test = rule(
    implementation = _fuzz_test_impl,
    attrs = {
        "fuzzer": attr.label(mandatory = True, executable = True, cfg = "target"),
        "corpus": attr.label_list(mandatory = True, allow_files = True),
        "seconds": attr.int(mandatory = True),
    },
    test = True,
)

def fuzz_test(name, srcs, corpus):
    """NAME runs for a few seconds, NAME_long, which is tagged "long", for five minutes; NAME_fuzzer is the program.

    Args:
      name: of the test.
      srcs: everything that is compiled, headers too: the target and what it calls.
      corpus: files of one folder.
    """
    _fuzzer(name = name + "_fuzzer", testonly = True, srcs = srcs)
    _fuzz_test(name = name, fuzzer = name + "_fuzzer", corpus = corpus, seconds = 5)
    _fuzz_test(
        name = name + "_long",
        timeout = "long",
        corpus = corpus,
        fuzzer = name + "_fuzzer",
        seconds = 300,
        tags = ["long"],
    )

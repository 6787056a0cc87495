"""@cuda: nvcc and the CUDA runtime of this machine, wherever they are."""

_FOLDERS_TRIED = "the folder of $NVCC, $CUDA_HOME, .cuda (where tools/install-cuda puts it), nvcc's in $PATH, /usr/local/cuda"

def _find(context):
    environment = context.os.environ
    workspace = context.path(Label("//tools:BUILD.bazel")).dirname.dirname
    candidates = []
    if environment.get("NVCC"):
        candidates.append(context.path(environment["NVCC"]).dirname.dirname)
    if environment.get("CUDA_HOME"):
        candidates.append(context.path(environment["CUDA_HOME"]))
    candidates.append(workspace.get_child(".cuda"))
    if context.which("nvcc"):
        candidates.append(context.which("nvcc").realpath.dirname.dirname)
    candidates.append(context.path("/usr/local/cuda"))
    for candidate in candidates:
        if candidate.get_child("bin").get_child("nvcc").exists:
            return candidate
    return None

def _cuda_toolkit_impl(context):
    folder = _find(context)
    context.file("nvcc.bzl", 'NVCC = "%s"\nTRIED = "%s"\n' % (folder.get_child("bin").get_child("nvcc") if folder else "", _FOLDERS_TRIED))
    library = folder.get_child("lib64").get_child("libcudart.so") if folder else None
    has_library = library != None and library.exists
    if has_library:
        # Under the name that programs ask for at run time, "libcudart.so.13".
        context.symlink(library.realpath, "lib/" + ".".join(library.realpath.basename.split(".")[:3]))
    context.file("BUILD.bazel", """
package(default_visibility = ["//visibility:public"])

cc_library(
    name = "runtime",
    srcs = glob(["lib/*"]),
)
""")

cuda_toolkit = repository_rule(
    implementation = _cuda_toolkit_impl,
    environ = ["CUDA_HOME", "NVCC", "PATH"],
    local = True,
    doc = "Without a toolkit the repository exists all the same: what needs nvcc then fails when it is built.",
)

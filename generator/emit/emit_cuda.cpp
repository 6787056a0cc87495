#include "generator/emit/emit_cuda.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <set>

#include "generator/emit/embedded_sources.h"
#include "generator/emit/emit_cuda_programs.h"
#include "generator/emit/emit_kernels.h"
#include "generator/emit/emit_parts.h"
#include "generator/emit/format_source.h"

namespace mambac {
namespace {

// Which files of the runtime an artifact takes with it.
bool needs(const std::string& path, const std::set<std::string>& of_kernels) {
  static const std::set<std::string> shared = {
      "any_machine.h",    "checksum.cpp",   "checksum.h",       "mambac.h",       "status.cpp",
      "status.h",         "state_header.h", "state_header.cpp", "weights_file.h", "weights_file.cpp",
      "weights_format.h", "cuda_device.cu", "cuda_device.h",    "cuda_launch.h",  "cuda_types.h"};
  const std::string folder = "runtime/";
  return of_kernels.contains(path) || (path.starts_with(folder) && shared.contains(path.substr(folder.size())));
}

// "sm_90a": "90a".
std::string number_of(const std::string& arch) { return arch.substr(3); }

// What kernels need that not every kernel may have: much dynamic shared memory, large clusters.
std::string prepare_kernels(const Kernels& kernels) {
  constexpr int64_t free_shared_bytes = 48 << 10, free_cluster_blocks = 8;
  std::string text;
  const auto prepare = [&](const std::string& call) {
    text += fmt::format("  if (status == MAMBAC_OK) {{\n    status = {}, message, message_bytes);\n  }}\n", call);
  };
  for (const Call* call : kernels.distinct()) {
    if (!call->launch) continue;
    const std::string kernel = fmt::format("reinterpret_cast<const void*>({})", kernels.name(*call));
    if (call->launch->shared_bytes > free_shared_bytes) {
      prepare(fmt::format("allow_shared_memory({}, {}", kernel, call->launch->shared_bytes));
    }
    if (call->launch->cluster_blocks > free_cluster_blocks) {
      prepare(fmt::format("allow_large_cluster({}, {}, {}, {}", kernel, call->launch->cluster_blocks,
                          call->launch->threads, call->launch->shared_bytes));
    }
  }
  return text;
}

// Whether its products are made on tensor cores, from operands in float16. A program without calls is step after step.
bool rounds_operands(const Plan& plan, const Program& program) {
  if (program.calls.empty() && program.name != "step") return rounds_operands(plan, plan.program("step"));
  return std::ranges::any_of(program.calls, [](const Call& call) { return call.kernel == "project_tiles"; });
}

// Multiprocessors without which a launch fails: those of blocks that wait for one another.
int64_t least_multiprocessors(const Plan& plan) {
  int64_t blocks = 1;
  for (const Program& program : plan.programs) {
    for (const Call& call : program.calls) {
      if (call.launch && call.launch->cooperative) blocks = std::max(blocks, call.launch->blocks);
    }
  }
  return blocks;
}

// Bytes to which rows of so many floats are aligned in an array that is.
int64_t alignment_of_rows(int64_t floats) { return floats % 4 == 0 ? 16 : floats % 2 == 0 ? 8 : 4; }

void add_values(const Plan& plan, const Kernels& kernels, Placeholders& values) {
  const std::string number = number_of(plan.deployment.arch);
  const bool exact = !std::isdigit(static_cast<unsigned char>(number.back()));
  const std::string digits = exact ? number.substr(0, number.size() - 1) : number;
  const bool tokens = !plan.model.continuous();
  values["ARCH"] = plan.deployment.arch;
  values["ARCH_NUMBER"] = number;
  values["ARCH_MAJOR"] = digits.substr(0, digits.size() - 1);
  values["ARCH_MINOR"] = digits.substr(digits.size() - 1);
  values["ARCH_EXACT"] = exact ? "true" : "false";
  values["MULTIPROCESSORS"] = std::to_string(least_multiprocessors(plan));
  values["INPUT_ALIGNMENT"] = std::to_string(tokens ? 4 : alignment_of_rows(plan.model.input_size));
  values["OUTPUT_ALIGNMENT"] = std::to_string(alignment_of_rows(plan.model.outputs()));
  values["INPUT_STEPS"] = tokens ? fmt::format("tokens (count, {}_BATCH)", values.at("UPPER"))
                                 : fmt::format("input (count, {0}_BATCH, {0}_INPUT_SIZE)", values.at("UPPER"));
  const auto rounds = [&](const Program& program) { return rounds_operands(plan, program); };
  const bool some_round = std::ranges::any_of(plan.programs, rounds);
  const bool all_round = std::ranges::all_of(plan.programs, rounds);
  values["STEP_TOLERANCE"] = some_round ? "2e-3" : values.at("TOLERANCE");
  if (all_round) {
    values["TOLERANCE"] = "2e-3 (products round their operands to float16)";
  } else if (some_round) {
    values["TOLERANCE"] = "2e-6 (of forward, whose products round their operands to float16: 2e-3)";
  }
  values["FORWARD_AGREES"] =
      plan.has_program("forward") ? " T steps and one forward of T tokens agree within the tolerance." : "";
  values["BAD_INPUT"] =
      tokens
          ? "a token outside of the vocabulary gives NaN in\n"
            " *            every output and in the state from there on, and a NaN or infinity in the state stays one."
          : "a NaN or infinity in the input or in the\n"
            " *            state stays one in every output and in the state from there on.";
  values["RANGES"] = some_round ? "\n *            Operands of tensor cores, and what lies between their products, are "
                                  "float16: beyond 65504 it\n"
                                  " *            becomes infinite."
                                : "";
  values["PREPARE_KERNELS"] = prepare_kernels(kernels);
  values["PROGRAM_DECLARATIONS"] = "";
  for (const Program& program : plan.programs) {
    values["PROGRAM_DECLARATIONS"] += cuda_program_declaration(plan, program) + ";\n";
  }
}

}  // namespace

std::vector<std::string> nvcc_options(const Plan& plan) {
  const std::string number = number_of(plan.deployment.arch);
  return {"-std=c++20", "-O3", "-gencode", fmt::format("arch=compute_{0},code=sm_{0}", number)};
}

std::map<std::string, std::string> emit_cuda(const Plan& plan) {
  const std::map<std::string, std::string>& sources = embedded_sources();
  const auto skeleton = [&](const std::string& name) { return sources.at("templates/artifact/cuda/" + name + ".in"); };
  const Kernels kernels(plan);
  Placeholders values = placeholders(plan);
  add_values(plan, kernels, values);
  const bool forward = plan.has_program("forward");
  const std::string name = plan.name;

  const bool steps = plan.has_program("steps");
  values["STEPS_DECLARATION"] = steps ? fill(skeleton("steps_declaration"), values) : "";
  values["STEPS_DEFINITION"] = steps ? fill(skeleton("steps_definition"), values) : "";
  values["TEST_STEPS"] = steps ? fill(skeleton("test_steps"), values) : "";
  values["RUN_STEPS_TEST"] = steps ? "  test_steps_are_step(&weights);\n" : "";
  const bool generate = plan.has_program("generate");
  values["GENERATE_DECLARATION"] = generate ? fill(skeleton("generate_declaration"), values) : "";
  values["GENERATE_DEFINITION"] = generate ? fill(skeleton("generate_definition"), values) : "";
  values["TEST_GENERATE"] = generate ? fill(skeleton("test_generate"), values) : "";
  values["RUN_GENERATE_TEST"] = generate ? "  test_generate(&weights);\n" : "";
  values["ANY_GENERATE"] = generate ? fill(skeleton("any_generate"), values) : "";
  values["ANY_GENERATE_NAME"] = generate ? "any_generate" : "nullptr";
  add_forward(plan, skeleton, values);
  values["BENCHMARK_FORWARD"] =
      forward
          ? fmt::format(
                "  measure(\"forward\", 10, [&] {{\n"
                "    return {0}_forward(&weights, workspace, state, input, {1}_FORWARD_TOKENS, MAMBAC_LAST, output, "
                "nullptr);\n"
                "  }});\n",
                name, values.at("UPPER"))
          : "";
  values["BENCHMARK_STEPS"] = steps ? fill(skeleton("benchmark_steps"), values) : "";
  values["BENCHMARK_GENERATE"] = generate ? fill(skeleton("benchmark_generate"), values) : "";

  std::map<std::string, std::string> files;
  CudaKernels kernel_files = emit_cuda_kernels(plan, kernels);
  files[name + "_kernels.h"] = std::move(kernel_files.declarations);
  files[name + "_kernels.cu"] = std::move(kernel_files.definitions);
  for (const Program& program : plan.programs) {
    files[fmt::format("{}_{}.cu", name, program.name)] = emit_cuda_program(plan, program, kernels);
  }
  for (const auto& [path, text] : sources) {
    if (needs(path, kernel_files.headers)) files[path == "runtime/mambac.h" ? "mambac.h" : path] = renamed(text, plan);
  }
  files[name + ".h"] = fill(skeleton("header.h"), values);
  files[name + ".cu"] = fill(skeleton("interface.cu"), values);
  files[name + "_programs.h"] = fill(skeleton("programs.h"), values);

  std::vector<std::string> compiled;
  for (const auto& [path, text] : files) {
    if (path.ends_with(".cpp") || path.ends_with(".cu")) compiled.push_back(path);
  }
  values["SOURCES"] = fmt::format("\n  {}", fmt::join(compiled, "\n  "));
  files[name + "_test.cpp"] = fill(skeleton("test.cpp"), values);
  files[name + "_benchmark.cpp"] = fill(skeleton("benchmark.cpp"), values);
  for (auto& [path, text] : files) {
    const bool copied = path.starts_with("runtime/") || path == "mambac.h";
    if (!copied) text = format_source(text);
  }
  files["CMakeLists.txt"] = fill(skeleton("CMakeLists.txt"), values);
  files[name + "Config.cmake"] = fill(skeleton("config.cmake"), values);
  files[name + "ConfigVersion.cmake"] = fill(sources.at("templates/artifact/config_version.cmake.in"), values);
  files["lib/pkgconfig/" + name + ".pc"] = fill(skeleton("pkgconfig.pc"), values);
  files["plan.json"] = to_text(plan);
  return files;
}

}  // namespace mambac

#include "tests/built_artifact.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>

#include "generator/build/compile.h"

namespace mambac {
namespace {

namespace fs = std::filesystem;

// Says everything that decides an artifact.
std::string key_of(const BuildRequest& request) {
  return fmt::format("{}-{}-{}-{}-b{}-f{}-t{}-{}-{}-{}", fs::path(request.model).filename().string(), request.name,
                     request.isa.value_or("native"), request.weights.value_or("auto"), request.batch.value_or(1),
                     request.forward_tokens.value_or(64), request.threads.value_or(1),
                     request.programs.value_or("default"), request.train_tokens.value_or(0), request.tape.value_or(""));
}

}  // namespace

BuildRequest request_for(const std::string& model) {
  BuildRequest request;
  const fs::path golden = fs::path("tests/goldens") / model;
  request.model = fs::exists(golden / "model.safetensors") ? golden.string() : (fs::path("configs") / model).string();
  return request;
}

const Artifact& built_artifact(const BuildRequest& request) {
  static std::map<std::string, std::unique_ptr<Artifact>> built;
  std::unique_ptr<Artifact>& artifact = built[key_of(request)];
  if (!artifact) {
    const fs::path folder = fs::path(testing::TempDir()) / "artifacts" / key_of(request);
    build_artifact(request, folder, true);
    artifact = std::make_unique<Artifact>(folder);
  }
  return *artifact;
}

std::string run_program_with(const fs::path& source, const std::vector<fs::path>& artifacts,
                             const std::string& arguments) {
  const fs::path program = fs::path(testing::TempDir()) / (source.stem().string() + ".program");
  std::string command = fmt::format("{} -std=c++20 -O1 {} -o {}", find_compiler(), source.string(), program.string());
  for (const fs::path& artifact : artifacts) {
    command += fmt::format(" -I{}", artifact.string());
    for (const auto& entry : fs::directory_iterator(artifact / "lib")) {
      if (entry.path().extension() == ".a") command += " " + entry.path().string();
    }
  }
  const CommandResult compiled = run_command(command + " -pthread");
  EXPECT_EQ(compiled.exit_code, 0) << compiled.output;
  const CommandResult ran = run_command(program.string() + " " + arguments);
  EXPECT_EQ(ran.exit_code, 0) << ran.output;
  return ran.output;
}

}  // namespace mambac

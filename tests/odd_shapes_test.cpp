// Shapes that no published model has, where vectors, panels and segments do not fit: each artifact against the
// reference executor, in step and in forward, with two threads and a batch.
#include "tests/odd_shapes.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <random>

#include "generator/run/cases.h"
#include "tests/built_artifact.h"
#include "tests/reference_executor.h"

namespace mambac {
namespace {

namespace fs = std::filesystem;

class OddShapes : public testing::TestWithParam<OddShape> {};

TEST_P(OddShapes, AgreeWithTheExecutor) {
  BuildRequest request;
  request.model = make_odd_model(GetParam()).string();
  request.name = "odd";
  request.isa = "x86-64-v3";
  request.batch = 2;
  request.threads = 2;
  request.forward_tokens = 5;
  const fs::path folder = fs::path(request.model).parent_path().string() + ".artifact";
  fs::remove_all(folder);
  build_artifact(request, folder, true);
  const Artifact artifact(folder);
  const mambac_artifact& table = artifact.table();
  const Plan plan = plan_model(request).plan;
  const SafetensorsFile weights = SafetensorsFile::open(request.model);
  Executor executor(plan, weights);

  constexpr int64_t count = 11;
  std::mt19937 random(2);
  std::vector<int32_t> tokens;
  std::vector<float> values;
  for (int64_t index = 0; index < table.batch * count; ++index) {
    if (table.vocabulary > 0) tokens.push_back(static_cast<int32_t>(random() % table.vocabulary));
    for (int64_t value = 0; value < table.input_size; ++value) {
      values.push_back(static_cast<float>(random() % 2001) / 1000.0f - 1.0f);
    }
  }
  std::vector<double> input(tokens.begin(), tokens.end());
  input.insert(input.end(), values.begin(), values.end());
  const std::vector<double> expected = executor.run("forward", input, count);
  for (const char* program : {"step", "forward"}) {
    Session session(artifact);
    const std::vector<float> found = run_program(program, artifact, session, tokens, values, count);
    EXPECT_LT(relative_error(std::vector<double>(found.begin(), found.end()), expected), 2e-6) << program;
  }
  run_program_with(folder / "odd_test.cpp", {folder}, (folder / "odd.weights").string());
}

INSTANTIATE_TEST_SUITE_P(All, OddShapes, testing::ValuesIn(odd_shapes()),
                         [](const auto& parameter) { return parameter.param.name; });

}  // namespace
}  // namespace mambac

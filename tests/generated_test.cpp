// generated/ is what mambac emits now: a change of emitted code has to be seen in review.
#include <gtest/gtest.h>

#include "generator/certificate/certificate.h"
#include "generator/emit/emit.h"
#include "generator/file.h"
#include "tests/built_artifact.h"

namespace mambac {
namespace {

namespace fs = std::filesystem;

struct Emitted {
  const char *folder, *model, *target;
};

class Generated : public testing::TestWithParam<Emitted> {};

TEST_P(Generated, IsWhatMambacEmits) {
  const bool cuda = GetParam().target == std::string("cuda");
  BuildRequest request = request_for(GetParam().model);
  request.target = GetParam().target;
  if (!cuda) request.isa = "x86-64-v3";
  request.weights = "f32";
  const fs::path folder = fs::path("generated") / GetParam().folder;
  const Plan plan = plan_model(request).plan;
  std::map<std::string, std::string> files = emit(plan);
  if (!cuda) files.merge(certificate_files(plan, certify(plan, files)));
  for (const auto& [path, text] : files) {
    if (path.starts_with("runtime/") || path == "mambac.h") continue;
    ASSERT_TRUE(fs::exists(folder / path)) << folder / path << " is missing; run ./tools/refresh-generated";
    EXPECT_TRUE(read_text(folder / path) == text) << folder / path << " differs; run ./tools/refresh-generated";
  }
}

INSTANTIATE_TEST_SUITE_P(All, Generated,
                         testing::Values(Emitted{"mamba1-tiny", "mamba1-tiny", "cpu"},
                                         Emitted{"falcon-tiny", "falcon-tiny", "cpu"},
                                         Emitted{"mamba2-tiny", "mamba2-tiny", "cpu"},
                                         Emitted{"mamba1-tiny-cuda", "mamba1-tiny", "cuda"}));

}  // namespace
}  // namespace mambac

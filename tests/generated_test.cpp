// generated/ is what mambac emits now: a change of emitted code has to be seen in review.
#include <gtest/gtest.h>

#include "generator/certificate/certificate.h"
#include "generator/emit/emit.h"
#include "generator/file.h"
#include "tests/built_artifact.h"

namespace mambac {
namespace {

namespace fs = std::filesystem;

class Generated : public testing::TestWithParam<const char*> {};

TEST_P(Generated, IsWhatMambacEmits) {
  BuildRequest request = request_for(GetParam());
  request.isa = "x86-64-v3";
  request.weights = "f32";
  const fs::path folder = fs::path("generated") / GetParam();
  const Plan plan = plan_model(request).plan;
  std::map<std::string, std::string> files = emit(plan);
  files.merge(certificate_files(plan, certify(plan, files)));
  for (const auto& [path, text] : files) {
    if (path.starts_with("runtime/") || path == "mambac.h") continue;
    ASSERT_TRUE(fs::exists(folder / path)) << folder / path << " is missing; run ./tools/refresh-generated";
    EXPECT_TRUE(read_text(folder / path) == text) << folder / path << " differs; run ./tools/refresh-generated";
  }
}

INSTANTIATE_TEST_SUITE_P(All, Generated, testing::Values("mamba1-tiny", "falcon-tiny", "mamba2-tiny"));

}  // namespace
}  // namespace mambac

#include "generator/build/build_artifact.h"

#include "generator/build/artifact_folder.h"
#include "generator/build/compile.h"
#include "generator/build/compile_cuda.h"
#include "generator/build/pack.h"
#include "generator/certificate/certificate.h"
#include "generator/certificate/stack.h"
#include "generator/configuration/model_folder.h"
#include "generator/emit/emit.h"
#include "generator/error.h"
#include "generator/plan/stored_plan.h"

namespace mambac {
namespace fs = std::filesystem;

BuiltArtifact build_artifact(const BuildRequest& request, const fs::path& out, bool compiled) {
  if (is_artifact(request.model) && !Checkpoint::exists(request.model)) {
    fail(ExitCode::input, "{}: is an artifact, not a model: give the folder that it was built from", request.model);
  }
  PlannedModel model = plan_model(request);
  const bool cuda = model.plan.deployment.target == "cuda";
  if (compiled) cuda ? find_nvcc() : find_compiler();  // before anything takes time
  ArtifactFolder folder(out);
  const std::map<std::string, std::string> sources = emit(model.plan);
  folder.write(sources);
  copy_companions(request.model, folder.temporary());
  const bool has_weights = compiled && model.checkpoint;
  if (has_weights) pack_weights(model.plan, *model.checkpoint, folder.temporary() / (model.plan.name + ".weights"));
  if (cuda) {
    if (compiled) folder.write({{"kernels.json", to_text(compile_cuda(model.plan, folder.temporary()))}});
  } else {
    Certificate certificate = certify(model.plan, sources);
    if (compiled) add_stack(certificate, model.plan, compile(model.plan, folder.temporary()));
    folder.write(certificate_files(model.plan, certificate));
  }
  folder.commit();
  return {std::move(model.plan), has_weights};
}

}  // namespace mambac

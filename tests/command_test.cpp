// The mambac command as a user meets it: what it prints, its exit codes, and what bad input leaves behind.
#include <gtest/gtest.h>

#include <fstream>
#include <limits>

#include "generator/checkpoint/safetensors.h"
#include "generator/file.h"
#include "tests/built_artifact.h"
#include "tests/error_message.h"

namespace mambac {
namespace {

namespace fs = std::filesystem;

// A copy of mamba1-tiny whose tensors a test may change.
struct ModelCopy {
  fs::path folder = test_folder() / "model";
  std::vector<OutputTensor> tensors;

  ModelCopy() {
    fs::create_directories(folder);
    fs::copy_file("tests/goldens/mamba1-tiny/config.json", folder / "config.json");
    const SafetensorsFile file = SafetensorsFile::open("tests/goldens/mamba1-tiny/model.safetensors");
    for (const auto& [name, view] : file.tensors()) {
      tensors.push_back({name, view.type, view.shape, {view.data.begin(), view.data.end()}});
    }
  }
  OutputTensor& at(const std::string& name) {
    return *std::find_if(tensors.begin(), tensors.end(), [&](const OutputTensor& one) { return one.name == name; });
  }
  CommandResult build() {
    write_safetensors(folder / "model.safetensors", tensors);
    return mambac(fmt::format("build {} --out {}", folder.string(), (folder.parent_path() / "out").string()));
  }
};

TEST(Command, HelpAndVersion) {
  const CommandResult version = mambac("--version"), help = mambac("--help"), build = mambac("build --help");
  EXPECT_EQ(version.exit_code, 0);
  EXPECT_TRUE(version.output.starts_with("mambac ")) << version.output;
  EXPECT_EQ(help.exit_code, 0);
  EXPECT_NE(help.output.find("Exit codes"), std::string::npos);
  for (const char* command :
       {"build", "generate", "inspect", "evaluate", "compare", "text", "perplexity", "bench", "init"}) {
    const CommandResult one = mambac(fmt::format("{} --help", command));
    EXPECT_EQ(one.exit_code, 0);
    EXPECT_NE(one.output.find("Example"), std::string::npos) << command << ": " << one.output;
  }
}

TEST(Command, AnUnknownOptionIsAUsageError) {
  expect_refusal(mambac("build configs/austen-mamba --out x --wieghts f32"), ExitCode::usage, "--wieghts");
  expect_refusal(mambac("text build/austen --wieghts f32"), ExitCode::usage, "`mambac text --help` shows");
  expect_refusal(mambac("build configs/austen-mamba --out x --thread 2"), ExitCode::usage, "Did you mean --threads?");
}

TEST(Command, GenerateNeedsNoCompilerAndIsFast) {
  const fs::path folder = test_folder();
  for (const char* model : {"mamba-130m", "falcon-mamba-7b"}) {
    const auto start = std::chrono::steady_clock::now();
    const CommandResult result =
        mambac(fmt::format("generate configs/{} --out {}", model, (folder / model).string()), "CXX=/nowhere/compiler");
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    EXPECT_EQ(result.exit_code, 0) << result.output;
    EXPECT_LT(seconds.count(), 2.0) << model;
    EXPECT_TRUE(fs::exists(folder / model / "plan.json"));
  }
}

TEST(Command, CompilesInTime) {
  const fs::path folder = test_folder();
  const std::pair<const char*, double> limits[] = {{"product-default", 10.0}, {"mamba-130m", 60.0}};
  for (const auto& [model, limit] : limits) {
    const auto start = std::chrono::steady_clock::now();
    const CommandResult result = mambac(fmt::format("build configs/{} --out {}", model, (folder / model).string()));
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    EXPECT_EQ(result.exit_code, 0) << result.output;
    EXPECT_LT(seconds.count(), limit) << model;
  }
}

TEST(Command, AConfigurationInTheWorkingFolder) {
  const fs::path folder = test_folder();
  fs::copy_file("tests/goldens/mamba1-tiny/config.json", folder / "config.json");
  fs::copy_file("tests/goldens/mamba1-tiny/model.safetensors", folder / "model.safetensors");
  const std::string command = fs::absolute("generator/mambac").string();
  const CommandResult result =
      run_command(fmt::format("cd {} && {} build config.json --name tiny --out out", folder.string(), command));
  EXPECT_EQ(result.exit_code, 0) << result.output;
  EXPECT_TRUE(fs::exists(folder / "out" / "tiny.weights"));
}

TEST(Command, ProgramsMustHoldStep) {
  const fs::path folder = test_folder();
  expect_refusal(mambac(fmt::format("build configs/product-small --programs forward --out {}/out", folder.string())),
                 ExitCode::usage, "--programs lacks step, which every library has; add it");
}

TEST(Command, NoCompiler) {
  const fs::path folder = test_folder();
  const std::string build = fmt::format("build configs/product-small --out {}", (folder / "out").string());
  expect_refusal(mambac(build, "CXX=/nowhere/compiler"), ExitCode::environment, "/nowhere/compiler");
  expect_refusal(mambac(build, "CXX= PATH=/nowhere"), ExitCode::environment, "no C++ compiler was found");
  expect_only(folder, {});
}

TEST(Command, AMissingTensorIsNamed) {
  ModelCopy model;
  model.at("backbone.layers.1.mixer.D").name = "backbone.layers.1.mixer.E";
  expect_refusal(model.build(), ExitCode::input, "tensor 'backbone.layers.1.mixer.D' of shape [128] is missing");
  expect_only(model.folder.parent_path(), {"model"});
}

TEST(Command, AWrongShapeIsNamed) {
  ModelCopy model;
  OutputTensor& tensor = model.at("backbone.layers.0.mixer.A_log");
  std::swap(tensor.shape[0], tensor.shape[1]);
  expect_refusal(
      model.build(), ExitCode::input,
      "tensor 'backbone.layers.0.mixer.A_log' has shape [16, 128], but the configuration asks for [128, 16]");
}

TEST(Command, AnIntegerTensorIsRefused) {
  ModelCopy model;
  model.at("backbone.norm_f.weight").type = TensorType::i32;
  expect_refusal(model.build(), ExitCode::input, "tensor 'backbone.norm_f.weight' is of type I32");
}

TEST(Command, NanAndInfinityAreNamedWithTheirPosition) {
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    ModelCopy model;
    OutputTensor& tensor = model.at("backbone.layers.1.mixer.x_proj.weight");
    std::memcpy(&tensor.data[(3 * tensor.shape[1] + 5) * sizeof(float)], &bad, sizeof bad);
    expect_refusal(model.build(), ExitCode::input,
                   fmt::format("tensor 'backbone.layers.1.mixer.x_proj.weight' has the value {} at [3, 5]", bad));
    expect_only(model.folder.parent_path(), {"model"});
  }
}

TEST(Command, ATruncatedCheckpointIsRefused) {
  ModelCopy model;
  write_safetensors(model.folder / "model.safetensors", model.tensors);
  fs::resize_file(model.folder / "model.safetensors", 100000);
  expect_refusal(
      mambac(fmt::format("build {} --out {}", model.folder.string(), (model.folder.parent_path() / "out").string())),
      ExitCode::input, "model.safetensors");
}

TEST(Command, BadConfigurationsAndDeployments) {
  const fs::path folder = test_folder();
  const std::string out = (folder / "out").string();
  write_text(folder / "broken.json", "{\"model_type\": ");
  expect_refusal(mambac(fmt::format("build {}/broken.json --out {}", folder.string(), out)), ExitCode::input,
                 "broken.json");
  write_text(folder / "deployment.json", "{\"batsch\": 2}");
  expect_refusal(
      mambac(fmt::format("build configs/product-small --deployment {}/deployment.json --out {}", folder.string(), out)),
      ExitCode::input, "batsch");
  expect_refusal(mambac(fmt::format("build configs/product-small --isa pentium --out {}", out)), ExitCode::usage,
                 "mambac: --isa is \"pentium\", must be one of: native, ");
  expect_refusal(mambac(fmt::format("build configs/product-small --arch sm_90a --out {}", out)), ExitCode::usage,
                 "--arch says nothing without --target cuda; leave it out");
  expect_refusal(mambac(fmt::format("build configs/product-small --tape small --out {}", out)), ExitCode::usage,
                 "--tape says nothing without --programs step,forward,train; leave it out");
  expect_refusal(mambac(fmt::format("build configs/product-small --batch 0 --out {}", out)), ExitCode::usage,
                 "mambac: --batch is 0, must be 1 to 4096");
  expect_refusal(mambac(fmt::format("build configs/product-small --name 3d --out {}", out)), ExitCode::usage, "3d");
  expect_refusal(mambac(fmt::format("build /nowhere/model --out {}", out)), ExitCode::input, "/nowhere/model");
}

TEST(Command, AnArtifactThatWasNeverBuilt) {
  const fs::path folder = test_folder();
  const std::string out = (folder / "out").string();
  EXPECT_EQ(mambac(fmt::format("generate configs/austen-mamba --out {}", out)).exit_code, 0);
  expect_refusal(mambac(fmt::format("text {} --prompt x --tokens 1", out)), ExitCode::input, "mambac build");
}

TEST(Command, OneFlippedBitOfTheWeightsIsFound) {
  BuildRequest request = request_for("mamba1-tiny");
  request.isa = "x86-64-v3";
  const fs::path folder = test_folder() / "artifact";
  build_artifact(request, folder, true);
  const fs::path weights = folder / "mamba1_tiny.weights";
  std::fstream file(weights, std::ios::in | std::ios::out | std::ios::binary);
  file.seekg(static_cast<std::streamoff>(fs::file_size(weights)) / 2);
  char byte = 0;
  file.get(byte);
  file.seekp(static_cast<std::streamoff>(fs::file_size(weights)) / 2);
  file.put(static_cast<char>(byte ^ 4));
  file.close();
  const CommandResult result =
      mambac(fmt::format("compare {} --golden tests/goldens/mamba1-tiny/golden.safetensors", folder.string()));
  EXPECT_NE(result.exit_code, 0);
  EXPECT_NE(result.output.find("checksum"), std::string::npos) << result.output;
}

// Weights that the library beside them would refuse never replace good ones.
TEST(Command, PackWantsTheOptionsOfTheArtifactBeside) {
  const fs::path out = test_folder() / "out", weights = out / "tiny.weights";
  const std::string model = " tests/goldens/mamba1-tiny --isa x86-64-v3 ";
  ASSERT_EQ(mambac(fmt::format("generate {} --name tiny --out {}", model, out.string())).exit_code, 0);
  const std::string pack = fmt::format("pack {} --out {}", model, weights.string());
  EXPECT_EQ(mambac(pack + " --name tiny").exit_code, 0);
  const std::string before = read_text(weights);
  const std::pair<const char*, const char*> others[] = {
      {"--name tiny --weights bf16", "weights is f32 there, bf16 here"},
      {"--name tiny --threads 2", "threads is 1 there, 2 here"},
      {"--name small", "the name is tiny there, small here"}};
  for (const auto& [options, difference] : others) {
    expect_refusal(mambac(fmt::format("{} {}", pack, options)), ExitCode::input,
                   fmt::format("the library beside it would refuse these weights: {}; give the options", difference));
    EXPECT_TRUE(read_text(weights) == before) << options;
  }
}

TEST(Command, InspectTakesNoOptionsForAnArtifact) {
  const std::string out = (test_folder() / "out").string();
  ASSERT_EQ(mambac("generate tests/goldens/mamba1-tiny --out " + out).exit_code, 0);
  EXPECT_EQ(mambac(fmt::format("inspect {} --json", out)).exit_code, 0);
  expect_refusal(mambac(fmt::format("inspect {} --batch 2", out)), ExitCode::usage,
                 "--batch: " + out + " is an artifact");
}

TEST(Command, WeightsOfPytorchAloneGetTheCommandThatConvertsThem) {
  const fs::path folder = test_folder(), model = folder / "model";
  fs::create_directory(model);
  fs::copy_file("tests/goldens/mamba1-tiny/config.json", model / "config.json");
  write_text(model / "pytorch_model.bin", "a pickle");
  const std::string sentence =
      fmt::format("the folder has pytorch_model.bin and no model.safetensors; convert with PyTorch: cd {} && python3",
                  model.string());
  expect_refusal(mambac(fmt::format("pack {} --out {}/weights", model.string(), folder.string())), ExitCode::input,
                 sentence);
  const CommandResult built = mambac(fmt::format("build {} --out {}/out", model.string(), folder.string()));
  EXPECT_EQ(built.exit_code, 0);
  EXPECT_NE(built.output.find(sentence), std::string::npos) << built.output;
  // The artifact without weights names the command that packs them.
  expect_refusal(mambac(fmt::format("bench {}/out", folder.string())), ExitCode::input,
                 "was built without weights; pack a model's: mambac pack FOLDER --name model --target cpu --isa ");
}

TEST(Command, InspectAgreesWithTheArtifact) {
  const CommandResult result = mambac("inspect configs/mamba-130m --weights bf16 --isa x86-64-v3 --json");
  ASSERT_EQ(result.exit_code, 0) << result.output;
  const auto plan = nlohmann::json::parse(result.output);
  // 24 layers of D 768, E 1536, N 16, R 48, and the head that shares the embedding.
  const int64_t layer = 2 * 1536 * 768 + (48 + 32) * 1536 + 1536 * 48 + 768 * 1536;
  EXPECT_EQ(plan["cost"]["matrix_multiply_adds"], 24 * layer);
  EXPECT_EQ(plan["cost"]["head_multiply_adds"], 50280 * 768);
  EXPECT_EQ(plan["cost"]["exponentials"], 24 * (1536 * 16 + 4 * 1536));
}

}  // namespace
}  // namespace mambac

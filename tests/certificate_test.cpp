// The real-time certificate: what it refuses when it is planted into emitted source, and what it says of the real one.
#include "generator/certificate/certificate.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <pthread.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <functional>

#include "generator/certificate/stack.h"
#include "generator/emit/emit.h"
#include "generator/file.h"
#include "generator/plan/plan.h"
#include "tests/built_artifact.h"
#include "tests/error_message.h"

namespace mambac {
namespace {

namespace fs = std::filesystem;
using Sources = std::map<std::string, std::string>;

struct Emitted {
  Plan plan;
  Sources sources;
};

Emitted emitted(BuildRequest request) {
  request.isa = "x86-64-v3";
  request.weights = request.weights.value_or("f32");
  Plan plan = plan_model(request).plan;
  Sources sources = emit(plan);
  return {std::move(plan), std::move(sources)};
}

const Emitted& tiny() {
  static const Emitted artifact = emitted(request_for("mamba1-tiny"));
  return artifact;
}

// Replaces the first `from` in a file, which must be there.
void replace(Sources& sources, const std::string& file, const std::string& from, const std::string& to) {
  std::string& text = sources.at(file);
  const size_t at = text.find(from);
  ASSERT_NE(at, std::string::npos) << file << " has no " << from;
  text.replace(at, from.size(), to);
}

// What the certificate says of mamba1-tiny with `statement` as the first line of the step's body.
std::string refusal_of_step(const std::string& statement, const std::string& declaration = "") {
  Sources sources = tiny().sources;
  replace(sources, "mamba1_tiny_step.cpp", "\nvoid step(", declaration + "\nvoid step(");
  replace(sources, "mamba1_tiny_step.cpp", "workspace.activations;\n", "workspace.activations; " + statement + "\n");
  return error_message([&] { certify(tiny().plan, sources); }, ExitCode::internal);
}

constexpr char step_place[] = "the real-time certificate is refused: mamba1_tiny_step.cpp:9: step ";

struct Planted {
  const char* name;
  const char* statement;
  const char* message;
  const char* declaration = "";
};

const Planted planted[] = {
    {"Malloc", "*output = malloc(4) != nullptr;", "calls malloc, which allocates or frees memory",
     "extern \"C\" void* malloc(size_t);"},
    {"New", "float* scratch = new float[4];", "allocates or frees memory (new, delete)"},
    {"Delete", "delete output;", "allocates or frees memory (new, delete)"},
    {"Lock", "pthread_mutex_lock(output);", "calls pthread_mutex_lock, which takes or hands over a lock",
     "extern \"C\" int pthread_mutex_lock(void*);"},
    {"Unlisted", "*output = sin(1.0);", "calls sin, which is not on the allow-list and has no source in the artifact",
     "extern \"C\" double sin(double);"},
    {"Recursion", "step(weights, state, workspace, tokens, output);", "calls step, which calls it: recursion"},
    {"Throw", "throw 1;", "throws an exception"},
    {"Try", "try { *output = 1; } catch (...) {}", "has a try block"},
    {"Pointer", "chosen(output);", "calls through a pointer to a function",
     "using Chosen = void (*)(float*); Chosen get(); "
     "constexpr Chosen chosen = nullptr;"},
    {"Virtual", "shape->draw();", "calls Shape::draw, which is virtual",
     "struct Shape { virtual void draw() {} }; constexpr Shape* shape = nullptr;"},
    {"StaticLocal", "static int calls = 0;", "uses calls, a static or global variable that is not constexpr"},
    {"Global", "calls = 1;", "uses calls, a static or global variable that is not constexpr", "int calls;"},
    {"Member", "Counter::calls = 1;", "uses calls, a static or global variable that is not constexpr",
     "struct Counter { static int calls; };"},
    {"Goto", "again: goto again;", "has a goto"},
    {"Switch", "switch (tokens[0]) { default: *output = 1; }", "has a SwitchStmt, which the walk does not know"},
    {"Assembly", "asm volatile(\"hlt\");", "has a GCCAsmStmt, which the walk does not know"},
    {"VariableArray", "float scratch[tokens[0]];", "has an array of variable size"},
    {"While", "while (true) *output = 1;",
     "has a loop without a constant bound: only `for` loops over a counter are understood"},
    {"ForEver", "for (;;) *output = 1;", "has a loop without a constant bound: nothing advances its counter"},
    {"BoundOfData", "for (int i = 0; i < tokens[0]; ++i) *output = 1;",
     "has a loop without a constant bound: its bound depends on data"},
    {"BoundAssignedFromData", "int end = 4; end = tokens[0]; for (int i = 0; i < end; ++i) *output = 1;",
     "has a loop without a constant bound: its bound depends on data"},
    {"BoundChanges", "int end = 4; for (int i = 0; i < end; ++i) end += 1;",
     "has a loop without a constant bound: its body changes the bound"},
    {"CounterChanges", "for (int i = 0; i < 4; ++i) i = 0;",
     "has a loop without a constant bound: its body changes the counter"},
    {"CounterEscapes", "int i = 0; int& other = i; for (; i < 4; ++i) other = 0;",
     "has a loop without a constant bound: its counter has no known start"},
    {"CounterTooNarrow", "for (unsigned char i = 0; i < 300; ++i) *output = 1;",
     "has a loop without a constant bound: its counter is too narrow"},
    {"CounterStands", "for (int i = 0; i < 4; i += 0) *output = 1;",
     "has a loop without a constant bound: its counter does not grow by a constant"},
    {"CounterDown", "for (int i = 4; i > 0; --i) *output = 1;",
     "has a loop without a constant bound: its condition is not `counter < bound`"},
    {"BranchOnFloat", "if (output[0] > 0) output[0] = 0;", "branches on a float: output[0] > 0"},
    {"ChoiceOnFloat", "output[0] = output[1] > 0 ? output[2] : output[3];", "branches on a float: output[1] > 0"},
    {"BranchOnToken", "if (tokens[0] == 7) output[0] = 0;", "branches on data: tokens[0] == 7"},
    {"LogicOnToken", "const bool both = tokens[0] == 7 && tokens[1] == 7;",
     "branches on data: tokens[0] == 7 && tokens[1] == 7"},
    {"BranchOnPointer", "if (output) output[0] = 0;", "branches on data: output"},
    {"Clock", "if (Deadline(0).passed()) return;", "looks at the clock, which step_until alone may"},
    {"ClockOfTheSystem", "timespec now; clock_gettime(0, &now);", "looks at the clock, which step_until alone may"},
};

class Refused : public testing::TestWithParam<Planted> {};

TEST_P(Refused, WithPlaceAndReason) {
  EXPECT_EQ(refusal_of_step(GetParam().statement, GetParam().declaration),
            step_place + std::string(GetParam().message));
}

INSTANTIATE_TEST_SUITE_P(Planted, Refused, testing::ValuesIn(planted),
                         [](const auto& parameter) { return std::string(parameter.param.name); });

TEST(Certificate, RefusesWhatIsHiddenInCalls) {
  const std::string allocate = "extern \"C\" void* malloc(size_t); ";
  // Destructors, constructors, default members and default arguments are calls too.
  EXPECT_NE(refusal_of_step("Hidden hidden;", allocate + "struct Hidden { ~Hidden() { malloc(1); } };")
                .find("Hidden::~Hidden calls malloc"),
            std::string::npos);
  EXPECT_NE(refusal_of_step("Outer hidden;", allocate + "struct Hidden { ~Hidden() { malloc(1); } }; "
                                                        "struct Outer { Hidden inner; };")
                .find("Hidden::~Hidden calls malloc"),
            std::string::npos);
  EXPECT_NE(refusal_of_step("Hidden hidden;", allocate + "struct Hidden { Hidden() { malloc(1); } };")
                .find("Hidden::Hidden calls malloc"),
            std::string::npos);
  EXPECT_NE(refusal_of_step("Hidden hidden;", allocate + "struct Hidden { void* memory = malloc(1); Hidden() {} };")
                .find("Hidden::Hidden calls malloc"),
            std::string::npos);
  EXPECT_NE(
      refusal_of_step("hidden();", allocate + "void hidden(void* memory = malloc(1)) {}").find("step calls malloc"),
      std::string::npos);
  EXPECT_NE(refusal_of_step("Hidden one, other; one = other;",
                            allocate + "struct Hidden { Hidden() {} void operator=(const Hidden&) { malloc(1); } };")
                .find("Hidden::operator= calls malloc"),
            std::string::npos);
  EXPECT_NE(
      refusal_of_step("hidden(1);", allocate + "template <typename Any> void hidden(Any) { malloc(sizeof(Any)); }")
          .find("hidden<int> calls malloc"),
      std::string::npos);
}

TEST(Certificate, RefusesRecursionThroughOthers) {
  const std::string message = refusal_of_step("first(output);",
                                              "void second(float*); void first(float* to) { second(to); } "
                                              "void second(float* to) { first(to); }");
  EXPECT_NE(message.find("second calls first, which calls it: recursion"), std::string::npos) << message;
}

TEST(Certificate, FollowsIntegersThroughCalls) {
  const std::string fill = "void fill(float* to, int count) { for (int i = 0; i < count; ++i) to[i] = 0; }";
  const std::string message = refusal_of_step("fill(output, 4); fill(output, tokens[0]);", fill);
  EXPECT_NE(message.find("fill has a loop without a constant bound: its bound depends on data"), std::string::npos)
      << message;
  const std::string branch = "void clear(float* to, int how) { if (how > 1) to[0] = 0; }";
  EXPECT_NE(refusal_of_step("clear(output, 4); clear(output, tokens[0]);", branch).find("branches on data: how > 1"),
            std::string::npos);
}

TEST(Certificate, RefusesInKernelsAndRuntime) {
  for (const char* file : {"runtime/mathematics.h", "runtime/vector.h", "runtime/reduce.h"}) {
    Sources sources = tiny().sources;
    std::string& text = sources.at(file);
    // Every function of the file tries to read the time.
    text.insert(text.find("namespace"), "extern \"C\" long time(long*);\n");
    for (size_t at = text.find(") {\n"); at != std::string::npos; at = text.find(") {\n", at + 4)) {
      text.insert(at + 4, "time(nullptr);\n");
    }
    const std::string message = error_message([&] { certify(tiny().plan, sources); }, ExitCode::internal);
    EXPECT_NE(message.find(std::string("refused: ") + file), std::string::npos) << message;
    EXPECT_NE(message.find("calls time, which is not on the allow-list"), std::string::npos) << message;
  }
}

// Loops over `count` are bounded because the C function refuses more; without its check nothing bounds them.
TEST(Certificate, NeedsTheChecksAtEntry) {
  Sources sources = tiny().sources;
  replace(sources, "mamba1_tiny.cpp",
          "  if (count < 1 || count > MAMBA1_TINY_FORWARD_TOKENS) return MAMBAC_BAD_COUNT;\n", "");
  EXPECT_NE(error_message([&] { certify(tiny().plan, sources); }, ExitCode::internal)
                .find("forward has a loop without a constant bound: nothing limits its bound"),
            std::string::npos);
}

// Checks at entry may look at arguments, yet not at floats; and they may not loop.
TEST(Certificate, ExcusesChecksAtEntryFromBranchesAlone) {
  Sources sources = tiny().sources;
  replace(sources, "mamba1_tiny.cpp", "  const FloatingPointMode mode;",
          "  if (*output > 0) return MAMBAC_OK;\n  const FloatingPointMode mode;");
  EXPECT_NE(error_message([&] { certify(tiny().plan, sources); }, ExitCode::internal)
                .find("mamba1_tiny_step branches on a float: *output > 0"),
            std::string::npos);
  sources = tiny().sources;
  replace(sources, "mamba1_tiny.cpp", "  const FloatingPointMode mode;",
          "  while (tokens[0] == 1) {\n  }\n  const FloatingPointMode mode;");
  EXPECT_NE(error_message([&] { certify(tiny().plan, sources); }, ExitCode::internal)
                .find("mamba1_tiny_step has a loop without a constant bound"),
            std::string::npos);
}

TEST(Certificate, RefusesHeadersItDoesNotKnow) {
  Sources sources = tiny().sources;
  replace(sources, "mamba1_tiny_step.cpp", "#include", "#include <mutex>\n#include");
  EXPECT_NE(error_message([&] { certify(tiny().plan, sources); }, ExitCode::internal)
                .find("mamba1_tiny_step.cpp:3: 'mutex' file not found"),
            std::string::npos);
}

// Only the workers' own functions are excused from waiting, and only with more than one thread.
TEST(Certificate, ExcusesTheWorkersAlone) {
  BuildRequest request = request_for("mamba1-tiny");
  request.threads = 2;
  const Emitted artifact = emitted(request);
  Sources sources = artifact.sources;
  replace(sources, "mamba1_tiny_step.cpp", "workers.synchronize();", "std::this_thread::yield();");
  EXPECT_NE(error_message([&] { certify(artifact.plan, sources); }, ExitCode::internal)
                .find("step_part calls std::this_thread::yield, which takes or hands over a lock"),
            std::string::npos);
  Plan single = artifact.plan;
  single.deployment.threads = 1;
  EXPECT_NE(
      error_message([&] { certify(single, artifact.sources); }, ExitCode::internal).find("the real-time certificate"),
      std::string::npos);
}

const CertifiedFunction& function(const CertifiedProgram& program, const std::string& name) {
  const auto found = std::find_if(program.functions.begin(), program.functions.end(),
                                  [&](const CertifiedFunction& one) { return one.name == name; });
  if (found == program.functions.end()) throw std::runtime_error("no function " + name);
  return *found;
}

TEST(Certificate, HoldsTheCallTreeAndTheRoundsOfLoops) {
  const Certificate certificate = certify(tiny().plan, tiny().sources);
  ASSERT_EQ(certificate.programs.size(), 3u);
  const CertifiedProgram& step = certificate.programs[0];
  const CertifiedProgram& forward = certificate.programs[2];
  EXPECT_EQ(step.functions[0].name, "mamba1_tiny_step");
  EXPECT_EQ(certificate.programs[1].functions[0].name, "mamba1_tiny_step_until");
  EXPECT_EQ(forward.functions[0].name, "mamba1_tiny_forward");
  using Rounds = std::vector<int64_t>;
  EXPECT_EQ(function(step, "check_tokens").loops, Rounds{1});
  EXPECT_EQ(function(forward, "check_tokens").loops, Rounds{64});
  EXPECT_EQ(function(step, "rms_norm_64").loops, (Rounds{1, 64}));
  EXPECT_EQ(function(forward, "rms_norm_64").loops, (Rounds{64, 64}));
  EXPECT_EQ(function(step, "sum_of_squares<64>").loops, (Rounds{4, 16, 0}));
  EXPECT_EQ(function(forward, "forward").loops, Rounds{1});
  std::vector<std::string> called;
  for (const size_t callee : function(step, "mamba1_tiny_step").callees) called.push_back(step.functions[callee].name);
  EXPECT_EQ(called, (std::vector<std::string>{"check_arguments", "check_tokens", "FloatingPointMode::FloatingPointMode",
                                              "FloatingPointMode::~FloatingPointMode", "step", "sequences_of",
                                              "workspace_of"}));
  for (const CertifiedProgram& program : certificate.programs) {
    for (size_t index = 0; index < program.functions.size(); ++index) {
      for (const size_t callee : program.functions[index].callees) EXPECT_GT(callee, index);
    }
    EXPECT_FALSE(program.stack_bytes);
  }
}

struct Deployed {
  const char* name;
  const char* model;
  int64_t batch, threads;
  const char* weights;
};

class Passes : public testing::TestWithParam<Deployed> {};

TEST_P(Passes, AsItIsEmitted) {
  BuildRequest request = request_for(GetParam().model);
  request.batch = GetParam().batch;
  request.threads = GetParam().threads;
  request.weights = GetParam().weights;
  const Emitted artifact = emitted(request);
  const Certificate certificate = certify(artifact.plan, artifact.sources);
  EXPECT_EQ(certificate.programs.size(), 3u);
  const Sources files = certificate_files(artifact.plan, certificate);
  EXPECT_EQ(files, certificate_files(artifact.plan, certify(artifact.plan, artifact.sources)));  // the same bytes
  const auto json = nlohmann::json::parse(files.at("certificate.json"));
  EXPECT_EQ(json.at("step_cannot_stall").get<bool>(), GetParam().threads == 1);
  EXPECT_EQ(json.at("exceptions").contains("Workers::synchronize"), GetParam().threads > 1);
  const std::string& text = files.at("certificate.md");
  EXPECT_EQ(text.find("waits for nothing: a step cannot stall.") != std::string::npos, GetParam().threads == 1);
  EXPECT_EQ(text.find("is claimed for artifacts of one thread alone, not for this one") != std::string::npos,
            GetParam().threads > 1);
  EXPECT_NE(text.find("| stack | not measured |"), std::string::npos);
  const auto& step = json.at("programs").at(0);
  EXPECT_EQ(step.at("tokens_at_most").get<int64_t>(), GetParam().batch);
  EXPECT_EQ(step.at("bytes_touched_at_most").at("weights").get<int64_t>(), artifact.plan.cost.weight_bytes);
  EXPECT_EQ(step.at("bytes_touched_at_most").at("state").get<int64_t>(),
            GetParam().batch * artifact.plan.cost.state_bytes);
  EXPECT_TRUE(step.at("stack_bytes").is_null());
}

INSTANTIATE_TEST_SUITE_P(All, Passes,
                         testing::Values(Deployed{"Mamba1", "mamba1-tiny", 1, 1, "f32"},
                                         Deployed{"Mamba2", "mamba2-tiny", 1, 1, "f32"},
                                         Deployed{"Mamba2Bf16", "mamba2-groups", 2, 1, "bf16"},
                                         Deployed{"Falcon", "falcon-tiny", 1, 1, "bf16"},
                                         Deployed{"Continuous", "mamba1-continuous", 1, 1, "f32"},
                                         Deployed{"Batch3", "mamba1-odd", 3, 1, "f32"},
                                         Deployed{"Threads2", "mamba1-odd", 1, 2, "f32"},
                                         Deployed{"Batch3Threads3", "mamba2-tiny", 3, 3, "bf16"}),
                         [](const auto& parameter) { return std::string(parameter.param.name); });

// A frame as g++ and clang report it.
StackUsage usage_of(const std::string& step_frames, const std::string& interface_frames) {
  return {"g++", {{"mamba1_tiny_step", step_frames}, {"mamba1_tiny", interface_frames}}};
}

std::string frame(const CertifiedFunction& function, int bytes, const std::string& kind = "static") {
  return fmt::format("{}:{}:{}\t{}\t{}\n", function.file, function.line, "5:void name(int)", bytes, kind);
}

TEST(CertificateStack, IsTheDeepestPath) {
  Certificate certificate = certify(tiny().plan, tiny().sources);
  const CertifiedProgram step = certificate.programs[0];
  const std::string entry = frame(function(step, "mamba1_tiny_step"), 100);
  const std::string other = "mamba1_tiny.cpp:1:_Z5otheri\t9999\tdynamic,bounded\n";  // of the interface, not of a step
  const std::string frames = frame(function(step, "step"), 200) + frame(function(step, "rms_norm_64"), 1000) +
                             frame(function(step, "selective_scan_128x16"), 300) +
                             frame(function(step, "silu<8>"), 30) +
                             frame(function(step, "silu<8>"), 4);  // two instances count together
  add_stack(certificate, tiny().plan, usage_of(frames, entry + other));
  // Entry, step and the deepest call, 64 bytes more for each frame, and 128 below.
  EXPECT_EQ(certificate.programs[0].stack_bytes, 100 + 200 + 1000 + 3 * 64 + 128);
  EXPECT_EQ(function(certificate.programs[0], "silu<8>").stack_bytes, 30 + 4 + 2 * 64);
  EXPECT_EQ(function(certificate.programs[0], "load<8>").stack_bytes, 0);
  EXPECT_FALSE(certificate.programs[1].stack_bytes);  // no frames of step_until and forward
  EXPECT_FALSE(certificate.programs[2].stack_bytes);
  EXPECT_NE(certificate_files(tiny().plan, certificate).at("certificate.md").find("| stack | 1 620 bytes |"),
            std::string::npos);
}

TEST(CertificateStack, IsNotMeasuredWithoutAllFrames) {
  Certificate certificate = certify(tiny().plan, tiny().sources);
  const CertifiedProgram step = certificate.programs[0];
  const std::string entry = frame(function(step, "mamba1_tiny_step"), 100);
  add_stack(certificate, tiny().plan, {"g++", {}});
  EXPECT_FALSE(certificate.programs[0].stack_bytes);
  add_stack(certificate, tiny().plan, usage_of(frame(function(step, "step"), 200), ""));
  EXPECT_FALSE(certificate.programs[0].stack_bytes);
  add_stack(certificate, tiny().plan, usage_of("mamba1_tiny_step.cpp:1:_Z7unknownv\t8\tstatic\n", entry));
  EXPECT_FALSE(certificate.programs[0].stack_bytes);
}

TEST(CertificateStack, RefusesFramesOfVariableSize) {
  Certificate certificate = certify(tiny().plan, tiny().sources);
  const CertifiedFunction& step = function(certificate.programs[0], "step");
  const std::string message = error_message(
      [&] { add_stack(certificate, tiny().plan, usage_of(frame(step, 200, "dynamic"), "")); }, ExitCode::internal);
  EXPECT_EQ(message,
            fmt::format("the real-time certificate is refused: mamba1_tiny_step.cpp:{}: the frame's size is not "
                        "known when it is compiled",
                        step.line));
}

TEST(CertificateStack, GenerateClaimsNothing) {
  const fs::path folder = test_folder() / "artifact";
  build_artifact(request_for("mamba1-tiny"), folder, false);
  EXPECT_TRUE(nlohmann::json::parse(read_text(folder / "certificate.json")).at("stack_measured_with").is_null());
  EXPECT_NE(read_text(folder / "certificate.md").find("Stack: not measured; nothing is claimed of it."),
            std::string::npos);
}

// Bytes below the frame of a function on a thread of its own that its call writes to.
constexpr unsigned char paint = 0xa5;

struct PaintedCall {
  std::function<void()> call;
  const unsigned char* frame = nullptr;
};

void* run_painted(void* argument) {
  auto& painted = *static_cast<PaintedCall*>(argument);
  painted.frame = static_cast<const unsigned char*>(__builtin_frame_address(0));
  painted.call();
  return nullptr;
}

int64_t stack_used(const std::function<void()>& call) {
  call();  // what is bound at the first call has been bound
  constexpr size_t stack_bytes = 1 << 20;
  void* stack = std::aligned_alloc(4096, stack_bytes);
  std::memset(stack, paint, stack_bytes);
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstack(&attributes, stack, stack_bytes);
  pthread_t thread;
  PaintedCall painted{call};
  EXPECT_EQ(pthread_create(&thread, &attributes, run_painted, &painted), 0);
  pthread_join(thread, nullptr);
  const auto* begin = static_cast<const unsigned char*>(stack);
  const auto* deepest = std::find_if(begin, begin + stack_bytes, [](unsigned char byte) { return byte != paint; });
  const int64_t used = painted.frame - deepest;
  pthread_attr_destroy(&attributes);
  std::free(stack);
  return used;
}

// The bound against what calls really use.
class StackBound : public testing::TestWithParam<const char*> {};

TEST_P(StackBound, HoldsForRealCalls) {
  BuildRequest request = request_for(GetParam());
  request.isa = "x86-64-v3";
  const Artifact& artifact = built_artifact(request);
  const mambac_artifact& table = artifact.table();
  ArtifactMemory state(table, table.state_bytes), memory(table, table.workspace_bytes);
  table.state_reset(state.data());
  mambac_workspace* workspace = nullptr;
  ASSERT_EQ(table.workspace_open(memory.data(), &workspace, nullptr, 0), MAMBAC_OK);
  const size_t tokens = static_cast<size_t>(table.forward_tokens);
  const std::vector<float> input(tokens * static_cast<size_t>(std::max(table.input_size, 1)));
  std::vector<float> output(tokens * static_cast<size_t>(table.output_size));
  const auto json = nlohmann::json::parse(read_text(artifact.folder() / "certificate.json"));
  const auto bound = [&](int program) { return json.at("programs").at(program).at("stack_bytes").get<int64_t>(); };
  int status = -1;
  const int64_t nothing = stack_used([&] { status = 0; });  // what the test itself takes
  const int64_t step = stack_used(
      [&] { status = table.step(artifact.weights(), workspace, state.data(), input.data(), output.data()); });
  EXPECT_EQ(status, MAMBAC_OK);
  const int64_t until = stack_used([&] {
    status = table.step_until(artifact.weights(), workspace, state.data(), input.data(), output.data(), INT64_MAX);
  });
  EXPECT_EQ(status, MAMBAC_OK);
  const int64_t forward = stack_used([&] {
    status = table.forward(artifact.weights(), workspace, state.data(), input.data(), table.forward_tokens, MAMBAC_ALL,
                           output.data());
  });
  EXPECT_EQ(status, MAMBAC_OK);
  // The table's own functions lie between the test and the C functions: one frame.
  constexpr int64_t table_bytes = 128;
  constexpr int64_t clock_bytes = 512;  // of clock_gettime, which is not counted
  EXPECT_LE(step - nothing, bound(0) + table_bytes);
  EXPECT_LE(until - nothing, bound(1) + table_bytes + clock_bytes);
  EXPECT_LE(forward - nothing, bound(2) + table_bytes);
  EXPECT_GE(4 * step, bound(0));  // and it says something
  EXPECT_GE(4 * until, bound(1));
  EXPECT_GE(4 * forward, bound(2));
  table.workspace_close(workspace);
}

INSTANTIATE_TEST_SUITE_P(All, StackBound,
                         testing::Values("mamba1-tiny", "mamba2-tiny", "mamba1-continuous", "falcon-tiny"),
                         [](const auto& parameter) {
                           std::string name = parameter.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace mambac

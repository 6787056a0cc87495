// `mambac text`, `perplexity` and `bench`, run as from the command line on the artifact of tests/fake_artifact.c.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>

#include <cmath>
#include <set>
#include <sstream>

#include "generator/bench/histogram.h"
#include "generator/bench/times.h"
#include "generator/commands/commands.h"
#include "generator/file.h"
#include "generator/run/machine_limits.h"
#include "tests/error_message.h"
#include "tests/fake_artifact.h"

namespace mambac {
namespace {

struct Output {
  std::string out, error;
};

Output run(std::vector<std::string> arguments) {
  CLI::App app;
  add_text_command(app);
  add_perplexity_command(app);
  add_bench_command(app);
  std::reverse(arguments.begin(), arguments.end());  // CLI11 wants the last one first
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  try {
    app.parse(arguments);
  } catch (...) {
    testing::internal::GetCapturedStdout();
    testing::internal::GetCapturedStderr();
    throw;
  }
  std::string out = testing::internal::GetCapturedStdout();
  return {std::move(out), testing::internal::GetCapturedStderr()};
}

class TextCommands : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = test_folder();
    make_fake_artifact(folder_);
  }
  std::string artifact() const { return folder_.string(); }
  std::string file(const char* name) const { return (folder_ / name).string(); }

  std::filesystem::path folder_;
};

// What the fake says: after n + 1 tokens of which the last is t comes (3 t + n) mod 12.
std::string greedy(std::string text, size_t length) {
  while (text.size() < length) text += static_cast<char>('a' + (3 * (text.back() - 'a') + text.size() - 1) % 12);
  return text;
}

TEST_F(TextCommands, TextContinuesThePrompt) {
  const Output output = run({"text", artifact(), "--prompt", "abcdefgh", "--tokens", "30"});
  EXPECT_EQ(output.out, greedy("abcdefgh", 38) + "\n");
  EXPECT_NE(output.error.find("prompt: 8 tokens, "), std::string::npos) << output.error;
  EXPECT_NE(output.error.find("text: 30 tokens, "), std::string::npos) << output.error;
  EXPECT_NE(output.error.find("weights 0.00 MB, state 0.0 kB, workspace 0.1 kB"), std::string::npos) << output.error;
}

TEST_F(TextCommands, PaddingIsNeverSampled) {
  const Output output = run({"text", artifact(), "--prompt", "a", "--tokens", "500", "--temperature", "1000"});
  EXPECT_EQ(output.out.size(), 502u);
  EXPECT_EQ(output.out.find_first_not_of("abcdefghijkl\n"), std::string::npos);
  EXPECT_EQ(std::set<char>(output.out.begin(), output.out.end()).size(), 13u);  // all real tokens
}

TEST_F(TextCommands, ASavedTextGoesOnExactly) {
  const std::vector<std::string> sampling{"--temperature", "40", "--seed", "3", "--repetition-penalty", "1.5"};
  const auto text = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"text", artifact()});
    arguments.insert(arguments.end(), sampling.begin(), sampling.end());
    return run(arguments).out;
  };
  const std::string whole = text({"--prompt", "ab", "--tokens", "60"});
  std::string parts = text({"--prompt", "ab", "--tokens", "20", "--save-state", file("state")});
  parts += text({"--load-state", file("state"), "--tokens", "1", "--save-state", file("state")});
  parts += text({"--load-state", file("state"), "--tokens", "39"});
  EXPECT_EQ(parts, whole);
  EXPECT_EQ(whole.size(), 63u);
  EXPECT_NE(whole, greedy("ab", 62) + "\n");
}

TEST_F(TextCommands, ACharacterMayBeCutBySaving) {
  nlohmann::ordered_json tokenizer = fake_tokenizer();
  nlohmann::ordered_json& vocabulary = tokenizer["model"]["vocab"];
  // Of é, the byte 0xC3 follows "b" and 0xA9 follows that: 3 * 1 + 0 and 3 * 3 + 1.
  vocabulary["Ã"] = 3;
  vocabulary["©"] = 10;
  vocabulary.erase("d");
  vocabulary.erase("k");
  write_text(folder_ / "tokenizer.json", tokenizer.dump());
  const std::string before =
      run({"text", artifact(), "--prompt", "b", "--tokens", "1", "--save-state", file("state")}).out;
  EXPECT_EQ(before, "b");
  EXPECT_EQ(run({"text", artifact(), "--load-state", file("state"), "--tokens", "1"}).out, "é\n");
  EXPECT_EQ(run({"text", artifact(), "--prompt", "b", "--tokens", "1"}).out, "b\uFFFD\n");
}

// More tokens than the device is asked for at a time, and a saved text.
TEST_F(TextCommands, ADeviceGeneratesByItself) {
  make_fake_artifact(folder_, "-DFAKE_DEVICE");
  const Output output = run({"text", artifact(), "--prompt", "abcdefgh", "--tokens", "600"});
  EXPECT_EQ(output.out, greedy("abcdefgh", 608) + "\n");
  EXPECT_NE(output.error.find("text: 600 tokens, "), std::string::npos) << output.error;
  std::string parts =
      run({"text", artifact(), "--prompt", "abcdefgh", "--tokens", "1", "--save-state", file("state")}).out;
  parts +=
      run({"text", artifact(), "--load-state", file("state"), "--tokens", "300", "--save-state", file("state")}).out;
  parts += run({"text", artifact(), "--load-state", file("state"), "--tokens", "299"}).out;
  EXPECT_EQ(parts, output.out);
}

TEST_F(TextCommands, ADeviceStopsAtTheEndToken) {
  make_fake_artifact(folder_, "-DFAKE_DEVICE");
  write_text(folder_ / "config.json", R"({"eos_token_id": [11, 99], "bos_token_id": 2})");
  const std::string whole = greedy("abc", 100);
  const size_t end = whole.find('l');
  ASSERT_LT(end, 99u);
  const Output output = run({"text", artifact(), "--prompt", "abc", "--tokens", "500"});
  EXPECT_EQ(output.out.substr(0, end), whole.substr(0, end));
  EXPECT_NE(output.error.find("the model ended the text"), std::string::npos) << output.error;
  EXPECT_NE(output.error.find("text: " + std::to_string(end - 2) + " tokens"), std::string::npos) << output.error;
}

// bf16: 3000 bytes of weights and twice 4096 of state; 30 exchanges; two launches.
TEST_F(TextCommands, BenchOfADevice) {
  make_fake_artifact(folder_, "-DFAKE_DEVICE");
  const auto result = nlohmann::ordered_json::parse(run({"bench", artifact(), "--json", "--seconds", "0.1"}).out);
  const auto& step = result["programs"][0];
  const auto& forward = result["programs"][1];
  const double bandwidth = result["limits"]["bytes_per_second"];
  EXPECT_NEAR(step["bytes_us"].get<double>(), 1e6 * (3000 + 8192) / bandwidth, 1e-9);
  EXPECT_NEAR(step["multiply_adds_us"].get<double>(), 1e6 * 1600 / 33e12, 1e-12);
  EXPECT_NEAR(step["waiting_us"].get<double>(), 30 * 0.93, 1e-9);
  EXPECT_NEAR(step["floor_us"].get<double>(), 30 * 0.93, 1e-9);
  EXPECT_NEAR(forward["multiply_adds_us"].get<double>(), 1e6 * (4 * 1100 + 500) / 395e12, 1e-12);
  EXPECT_NEAR(forward["exponentials_us"].get<double>(), 1e6 * 40 / 4.2e12, 1e-12);
  EXPECT_NEAR(forward["waiting_us"].get<double>(), 3 * 0.55, 1e-9);
  EXPECT_GT(step["median_us"].get<double>(), 0);
  const std::string table = run({"bench", artifact(), "--seconds", "0.1"}).out;
  EXPECT_NE(table.find("waiting"), std::string::npos) << table;
  EXPECT_THAT(error_message([&] { run({"bench", artifact(), "--tail"}); }, ExitCode::usage),
              testing::HasSubstr("--tail is for a CPU"));
}

TEST_F(TextCommands, TextStopsAtTheEndToken) {
  write_text(folder_ / "config.json",
             R"({"eos_token_id": [11, 99], "bos_token_id": 2, "time_step_limit": [0.0, Infinity]})");
  const std::string whole = greedy("abc", 100);
  const size_t end = whole.find('l');
  ASSERT_LT(end, 100u);
  const Output output = run({"text", artifact(), "--prompt", "abc", "--tokens", "97"});
  EXPECT_EQ(output.out, whole.substr(0, end + 1) + "\n");
  EXPECT_NE(output.error.find("the model ended the text with l\n"), std::string::npos) << output.error;
}

TEST_F(TextCommands, TheBeginTokenIsAsked) {
  write_text(folder_ / "config.json", R"({"bos_token_id": 2})");
  EXPECT_EQ(run({"text", artifact(), "--prompt", "a", "--tokens", "3"}).out, greedy("a", 4) + "\n");
  EXPECT_EQ(run({"text", artifact(), "--prompt", "a", "--tokens", "3", "--bos"}).out, greedy("ca", 5) + "\n");
  write_text(folder_ / "tokenizer_config.json", R"({"bos_token": "e", "add_bos_token": true})");
  EXPECT_EQ(run({"text", artifact(), "--prompt", "a", "--tokens", "3"}).out, greedy("ea", 5) + "\n");
  EXPECT_EQ(run({"text", artifact(), "--prompt", "a", "--tokens", "3", "--no-bos"}).out, greedy("a", 4) + "\n");
  EXPECT_EQ(run({"text", artifact(), "--tokens", "3"}).out, greedy("e", 4) + "\n");
}

TEST_F(TextCommands, TextSaysWhatIsWrong) {
  const auto message = [&](std::vector<std::string> arguments, ExitCode code = ExitCode::input) {
    arguments.insert(arguments.begin(), {"text", artifact()});
    return error_message([&] { run(arguments); }, code);
  };
  EXPECT_EQ(message({}), "there is nothing to continue: give a --prompt, --bos, or --load-state of a text");
  EXPECT_EQ(message({"--prompt", "a", "--bos"}),
            "--bos: neither tokenizer_config.json nor config.json names a begin token");
  EXPECT_EQ(message({"--prompt", "a", "--top-p", "2"}, ExitCode::usage),
            "--top-p 2 is out of range: above 0, at most 1");
  EXPECT_EQ(message({"--prompt", "a", "--tokens", "0"}, ExitCode::usage), "--tokens 0 is out of range: at least 1");
  EXPECT_THROW(run({"text", artifact(), "--prompt", "a", "--bos", "--no-bos"}), CLI::ExcludesError);

  EXPECT_EQ(message({"--prompt", "ab\xC3("}),
            "--prompt is not UTF-8: byte 2 (from 0) is 0xc3; convert it to UTF-8 first");

  nlohmann::ordered_json tokenizer = fake_tokenizer();
  tokenizer["model"]["vocab"]["m"] = 16;
  write_text(folder_ / "tokenizer.json", tokenizer.dump());
  EXPECT_EQ(message({"--prompt", "a"}),
            "the tokenizer in " + artifact() + " has 17 tokens, the model only 16: it is another model's");
  make_fake_artifact(folder_, "-DFAKE_BATCH=3");
  EXPECT_EQ(message({"--prompt", "a"}), artifact() + " works on 3 sequences a call; for text build it with --batch 1");
}

// Each token is foretold by logits -(v - best)^2 of 12 tokens, and 4 tokens of padding that have 1000.
TEST_F(TextCommands, PerplexityIsTheMeanSurprise) {
  write_text(file("text"), "abcabcabcabc");
  double sum = 0;
  for (int n = 0; n < 11; ++n) {
    const int best = (3 * (n % 3) + n) % 12, next = (n + 1) % 3;
    sum += 1000 + std::log(4) + (next - best) * (next - best);
  }
  EXPECT_EQ(run({"perplexity", artifact(), "--text", file("text")}).out,
            fmt::format("11 tokens, {:.4f} nats per token, perplexity inf\n", sum / 11));
  write_text(file("text"), "a");
  EXPECT_EQ(error_message([&] { run({"perplexity", artifact(), "--text", file("text")}); }),
            file("text") + " is too short: perplexity needs two tokens");
  write_text(file("text"), "abc\xFF");
  EXPECT_EQ(error_message([&] { run({"perplexity", artifact(), "--text", file("text")}); }),
            file("text") + " is not UTF-8: byte 3 (from 0) is 0xff; convert it to UTF-8 first");
}

TEST_F(TextCommands, BenchPrintsTheAgreedJson) {
  const auto result = nlohmann::ordered_json::parse(run({"bench", artifact(), "--json", "--seconds", "0.2"}).out);
  ASSERT_EQ(result["programs"].size(), 2u);
  const double bandwidth = result["limits"]["bytes_per_second"], peak = result["limits"]["multiply_adds_per_second"];
  EXPECT_GT(bandwidth, 1e8);
  EXPECT_GT(peak, 1e8);
  EXPECT_EQ(result["limits"]["footprint_bytes"], (1 << 20) + 4096);
  EXPECT_EQ(result["limits"]["cores"], 1);
  // By hand from the costs of the fake plan: step is one token, forward four, and one output.
  const double bytes = (1 << 20) + 2 * 4096;
  const double step = std::max(bytes / bandwidth, 1600 / peak) + 16 * 10 / peak;
  const double forward = std::max(bytes / bandwidth, (4 * 1100 + 500) / peak) + 16 * 40 / peak;
  EXPECT_EQ(result["programs"][0]["program"], "step");
  EXPECT_EQ(result["programs"][1]["program"], "forward");
  EXPECT_NEAR(result["programs"][0]["floor_us"].get<double>(), 1e6 * step, 1e-12 * step * 1e6);
  EXPECT_NEAR(result["programs"][1]["floor_us"].get<double>(), 1e6 * forward, 1e-12 * forward * 1e6);
  for (const auto& program : result["programs"]) {
    EXPECT_GT(program["samples"], 100);
    EXPECT_GT(program["median_us"], 0);
    EXPECT_LE(program["median_us"], program["p99_us"]);
    EXPECT_LE(program["p99_us"], program["p999_us"]);
    EXPECT_LE(program["p999_us"], program["max_us"]);
    EXPECT_DOUBLE_EQ(program["ratio"].get<double>(),
                     program["median_us"].get<double>() / program["floor_us"].get<double>());
    EXPECT_LE(program["ratio_p10"], program["ratio_p90"]);
    EXPECT_EQ(program["batch"], 1);
    EXPECT_EQ(program.size(), 12u);
  }
}

TEST_F(TextCommands, BenchPrintsATable) {
  const std::string table = run({"bench", artifact(), "--seconds", "0.1"}).out;
  EXPECT_NE(table.find("fake: x86-64-v3, 1 thread, batch 1\n"), std::string::npos) << table;
  EXPECT_NE(table.find("\nforward      1      4 "), std::string::npos) << table;
}

TEST_F(TextCommands, BenchPrintsTheTail) {
  const auto tail = nlohmann::ordered_json::parse(
      run({"bench", artifact(), "--tail", "--json", "--seconds", "0.3", "--histogram", file("tail.svg")}).out);
  EXPECT_GT(tail["samples"], 1000);
  for (const char* what : {"step", "registers"}) {
    EXPECT_GT(tail[what]["p50_us"], 0) << what;
    EXPECT_LE(tail[what]["p50_us"], tail[what]["p99_us"]) << what;
    EXPECT_LE(tail[what]["p99_us"], tail[what]["p999_us"]) << what;
    EXPECT_LE(tail[what]["p999_us"], tail[what]["p9999_us"]) << what;
    EXPECT_LE(tail[what]["p9999_us"], tail[what]["max_us"]) << what;
  }
  EXPECT_DOUBLE_EQ(tail["ratio"]["p999"].get<double>(),
                   tail["step"]["p999_us"].get<double>() / tail["registers"]["p999_us"].get<double>());
  EXPECT_GT(tail["denormals"]["ratio"], 0);
  EXPECT_TRUE(read_text(file("tail.svg")).starts_with("<svg "));

  const std::string text = run({"bench", artifact(), "--tail", "--seconds", "0.1"}).out;
  for (const char* part : {"p99.99", "\nregisters ", "\nratio ", "from us", "A state of denormals: "}) {
    EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
  }
}

TEST(Percentile, IsOfTheNearestRank) {
  std::vector<double> times(1000);
  for (size_t i = 0; i < times.size(); ++i) times[i] = 1e-6 * static_cast<double>(1000 - i);
  const auto of_times = distribution(times);
  EXPECT_NEAR(of_times["p50_us"].get<double>(), 500, 1e-9);
  EXPECT_NEAR(of_times["p99_us"].get<double>(), 990, 1e-9);
  EXPECT_NEAR(of_times["p999_us"].get<double>(), 999, 1e-9);
  EXPECT_NEAR(of_times["p9999_us"].get<double>(), 1000, 1e-9);
  EXPECT_NEAR(of_times["max_us"].get<double>(), 1000, 1e-9);
}

TEST(Histogram, CountsEveryTimeOnce) {
  const std::string text = Histogram({{"step", {1e-6, 1e-6, 1e-3}}, {"registers", {2e-6}}}).text();
  std::istringstream lines(text);
  std::string line;
  std::getline(lines, line);
  EXPECT_EQ(line.find("step") < line.find("registers"), true) << text;
  int64_t steps = 0, registers = 0;
  for (double from; lines >> from;) {
    std::string word;
    int64_t counts[2] = {};
    for (int64_t& count : counts) {
      lines >> count;
      if (count > 0) lines >> word;  // the bar
    }
    steps += counts[0];
    registers += counts[1];
  }
  EXPECT_EQ(steps, 3) << text;
  EXPECT_EQ(registers, 1) << text;
}

// Where exponentials and bandwidth both count, and where multiply-adds win over bytes.
TEST(Floor, IsTheOneFormula) {
  const MachineLimits limits{20e9, 50e9};
  EXPECT_DOUBLE_EQ(floor_of({4e6, 1e6, 1e3}, limits), 4e6 / 20e9 + 16e3 / 50e9);
  EXPECT_DOUBLE_EQ(floor_of({4e6, 64e6, 0}, limits), 64e6 / 50e9);
  const Work work = work_of(fake_plan()["cost"], 3, 4, 4);
  EXPECT_EQ(work.bytes, (1 << 20) + 2 * 3 * 4096);
  EXPECT_EQ(work.multiply_adds, 3 * 4 * 1600);
  EXPECT_EQ(work.exponentials, 3 * 4 * 10);
}

TEST(MachineLimits, AreThoseOfARealMachine) {
  MachineLimitMeter meter(size_t{1} << 20, 1, "x86-64-v3");
  const double bandwidth = meter.measure_bytes_per_second(), peak = meter.measure_multiply_adds_per_second();
  EXPECT_GT(bandwidth, 1e9);
  EXPECT_LT(bandwidth, 2e12);
  EXPECT_GT(peak, 1e9);
  EXPECT_LT(peak, 2e11);  // 16 a cycle at 12 GHz
}

// Threads that take turns on one core together do what one does.
TEST(MachineLimits, MoreThreadsThanCoresAreNoMoreCores) {
  cpu_set_t all, one;
  ASSERT_EQ(sched_getaffinity(0, sizeof all, &all), 0);
  CPU_ZERO(&one);
  CPU_SET(sched_getcpu(), &one);
  ASSERT_EQ(sched_setaffinity(0, sizeof one, &one), 0);
  MachineLimitMeter meter(size_t{1} << 20, 4, "x86-64-v3");
  EXPECT_EQ(meter.cores(), 1);
  EXPECT_LT(meter.measure_multiply_adds_per_second(), 2e11);
  ASSERT_EQ(sched_setaffinity(0, sizeof all, &all), 0);
}

}  // namespace
}  // namespace mambac

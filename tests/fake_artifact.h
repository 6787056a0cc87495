// A folder with the artifact of tests/fake_artifact.c, compiled on the spot.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "generator/file.h"

namespace mambac {

// The tokens of the fake are the letters a to l; l (number 11) ends a text.
inline nlohmann::ordered_json fake_tokenizer() {
  nlohmann::ordered_json vocabulary = nlohmann::ordered_json::object();
  for (int token = 0; token < 12; ++token) vocabulary[std::string(1, static_cast<char>('a' + token))] = token;
  return {{"added_tokens", nlohmann::ordered_json::array()},
          {"pre_tokenizer", {{"type", "ByteLevel"}, {"add_prefix_space", false}}},
          {"decoder", {{"type", "ByteLevel"}}},
          {"model", {{"type", "BPE"}, {"vocab", vocabulary}, {"merges", nlohmann::ordered_json::array()}}}};
}

inline nlohmann::ordered_json fake_plan() {
  return {{"name", "fake"},
          {"hash", "hash of the fake plan"},
          {"generator_version", "0"},
          {"model", {{"vocabulary_used", 12}, {"layers", 10}}},
          {"deployment", {{"programs", {"step", "forward"}}, {"isa", "x86-64-v3"}, {"batch", 1}}},
          {"weight_type", "bf16"},
          {"weight_bytes", 1 << 20},
          {"programs",
           {{{"name", "step"}, {"calls", {{{"kernel", "decode"}}}}, {"outputs_all", nlohmann::ordered_json::array()}},
            {{"name", "forward"},
             {"calls", {{{"kernel", "embed"}}, {{"kernel", "project_tiles"}}}},
             {"outputs_last", {{{"kernel", "project_tiles"}}}}}}},
          {"state_floats", 2},
          {"cost",
           {{"matrix_multiply_adds", 1000},
            {"head_multiply_adds", 500},
            {"recurrence_multiply_adds", 100},
            {"exponentials", 10},
            {"weight_bytes", 1 << 20},
            {"state_bytes", 4096}}}};
}

// `definitions` for the compiler: -DFAKE_BATCH=3, -DFAKE_MODEL='"OTHER1.0"', -DFAKE_DEVICE.
inline void make_fake_artifact(const std::filesystem::path& folder, const std::string& definitions = "") {
  std::filesystem::create_directories(folder / "lib");
  write_text(folder / "plan.json", fake_plan().dump(2));
  write_text(folder / "fake.weights", "weights");
  write_text(folder / "tokenizer.json", fake_tokenizer().dump(2));
  const std::string command = "cc -std=c11 -O1 -I. -shared -fPIC " + definitions + " tests/fake_artifact.c -o '" +
                              (folder / "lib/libfake.so").string() + "'";
  ASSERT_EQ(std::system(command.c_str()), 0) << command;
}

}  // namespace mambac

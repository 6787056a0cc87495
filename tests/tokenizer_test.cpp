// Against Hugging Face's `tokenizers` (tests/goldens/make_tokenizer_cases.py), and what is refused.
#include "generator/text/tokenizer.h"

#include <gtest/gtest.h>

#include "generator/checkpoint/safetensors.h"
#include "generator/file.h"
#include "generator/text/utf8_stream.h"
#include "tests/error_message.h"

namespace mambac {
namespace {

using nlohmann::json;

constexpr char austen[] = "configs/austen-mamba";

json austen_tokenizer() { return json::parse(read_text(std::filesystem::path(austen) / "tokenizer.json")); }

Tokenizer changed(const char* changes) {
  json configuration = austen_tokenizer();
  configuration.merge_patch(json::parse(changes));
  return Tokenizer(configuration, "tokenizer.json");
}

std::string from_hexadecimal(const std::string& digits) {
  std::string bytes;
  for (size_t i = 0; i < digits.size(); i += 2) bytes += static_cast<char>(std::stoi(digits.substr(i, 2), nullptr, 16));
  return bytes;
}

std::string decode(const Tokenizer& tokenizer, const std::vector<int32_t>& tokens) {
  std::string bytes;
  for (const int32_t token : tokens) bytes += tokenizer.bytes(token);
  return valid_utf8(bytes);
}

TEST(Tokenizer, EncodesAndDecodesAsHuggingFaceDoes) {
  const json tables = json::parse(read_text("tests/goldens/tokenizer_cases.json"));
  ASSERT_EQ(tables.size(), 9u);
  int cases = 0;
  for (const json& table : tables) {
    SCOPED_TRACE(table["name"].get<std::string>());
    json configuration = austen_tokenizer();
    configuration.merge_patch(table["changes"]);
    const Tokenizer tokenizer(configuration, "tokenizer.json");
    for (const json& expected : table["cases"]) {
      SCOPED_TRACE(expected.dump());
      const std::vector<int32_t> tokens = tokenizer.encode(from_hexadecimal(expected["hex"]));
      EXPECT_EQ(tokens, expected["tokens"].get<std::vector<int32_t>>());
      EXPECT_EQ(decode(tokenizer, tokens), expected["decoded"].get<std::string>());
      ++cases;
    }
  }
  EXPECT_GT(cases, 700);
}

TEST(Tokenizer, GivesTheTokensOfTheGoldenPrompt) {
  const Tokenizer tokenizer = Tokenizer::read(austen);
  const json golden = json::parse(read_text("tests/goldens/austen-mamba/case.json"));
  const SafetensorsFile file = SafetensorsFile::open("tests/goldens/austen-mamba/golden.safetensors");
  const TensorView& expected = file.at("input_ids");
  ASSERT_TRUE(tokenizer.prepends_begin_token());
  std::vector<int32_t> tokens = tokenizer.encode(golden["prompt"].get<std::string>());
  tokens.insert(tokens.begin(), *tokenizer.begin_token());
  ASSERT_EQ(expected.shape, std::vector<int64_t>{static_cast<int64_t>(tokens.size())});
  for (size_t i = 0; i < tokens.size(); ++i) EXPECT_EQ(tokens[i], expected.at(i));
}

TEST(Tokenizer, KnowsBeginAndEnd) {
  const Tokenizer tokenizer = Tokenizer::read(austen);
  EXPECT_EQ(tokenizer.begin_token(), 0);
  EXPECT_EQ(tokenizer.end_tokens(), (std::vector<int32_t>{0, 0}));  // of config.json and tokenizer_config.json
  EXPECT_EQ(tokenizer.size(), 1024);
  EXPECT_TRUE(tokenizer.special(0));
  EXPECT_FALSE(tokenizer.special(1));
  EXPECT_EQ(tokenizer.bytes(1024), "");
  EXPECT_EQ(tokenizer.bytes(-1), "");
}

TEST(Tokenizer, ReadsBothSpellingsOfMerges) {
  json configuration = austen_tokenizer();
  for (json& merge : configuration["model"]["merges"]) {
    ASSERT_TRUE(merge.is_array());
    merge = merge[0].get<std::string>() + " " + merge[1].get<std::string>();
  }
  const Tokenizer spelled(configuration, "tokenizer.json"), original(austen_tokenizer(), "tokenizer.json");
  const std::string text = "It is a truth universally acknowledged, that";
  EXPECT_EQ(spelled.encode(text), original.encode(text));
  EXPECT_LT(spelled.encode(text).size(), text.size() / 2);
}

TEST(Tokenizer, LongTextTakesNoQuadraticTime) {
  const Tokenizer tokenizer = Tokenizer::read(austen);
  const std::string letters(1'000'000, 'a');  // one piece
  std::string words;
  for (int i = 0; i < 200'000; ++i) words += " the";
  EXPECT_EQ(decode(tokenizer, tokenizer.encode(letters)), letters);
  EXPECT_EQ(tokenizer.encode(words).size(), 200'000u);
}

TEST(Tokenizer, ABeginTokenMayComeFromATemplate) {
  const Tokenizer tokenizer = changed(R"({"post_processor": {"type": "TemplateProcessing", "single": [
      {"SpecialToken": {"id": "<|endoftext|>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}]}})");
  EXPECT_TRUE(tokenizer.prepends_begin_token());
  EXPECT_EQ(tokenizer.begin_token(), 0);
}

TEST(Tokenizer, RefusesByNameWhatItDoesNotSupport) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"normalizer": {"type": "Lowercase"}})", "tokenizer.json: normalizer Lowercase is not supported, only NFC"},
      {R"({"decoder": {"type": "Metaspace"}})", "tokenizer.json: decoder Metaspace is not supported, only ByteLevel"},
      {R"({"decoder": null})", "tokenizer.json: decoder null is not supported, only ByteLevel"},
      {R"({"pre_tokenizer": {"type": "Metaspace"}})", "tokenizer.json: pre-tokenizer Metaspace is not supported"},
      {R"({"pre_tokenizer": null})",
       "tokenizer.json: the pre-tokenizer has no ByteLevel; only byte-level tokenizers are supported"},
      {R"({"pre_tokenizer": {"type": "Punctuation", "behavior": "Removed"}})",
       "tokenizer.json: pre-tokenizer Punctuation with behavior Removed is not supported"},
      {R"({"pre_tokenizer": {"type": "Split", "pattern": {"Regex": "\\w+"}, "behavior": "Isolated"}})",
       "tokenizer.json: the regular expression \"\\w+\" uses \\w, which is not supported"},
      {R"({"pre_tokenizer": {"type": "Split", "pattern": {"Regex": "(a"}, "behavior": "Isolated"}})",
       "tokenizer.json: the regular expression \"(a\" is wrong: missing closing parenthesis"},
      {R"({"model": {"type": "Unigram"}})", "tokenizer.json: model Unigram is not supported, only byte-level BPE"},
      {R"({"model": {"dropout": 0.1}})", "tokenizer.json: model.dropout is not supported"},
      {R"({"model": {"end_of_word_suffix": "</w>"}})", "tokenizer.json: model.end_of_word_suffix is not supported"},
      {R"({"model": {"merges": ["a b c"]}})", "tokenizer.json: merge \"a b c\" is neither \"a b\" nor [\"a\", \"b\"]"},
      {R"({"model": {"merges": ["q q"]}})",
       "tokenizer.json: a merge uses or makes \"qq\", which is not in the vocabulary"},
      {R"({"added_tokens": [{"id": 0, "content": "<x>", "lstrip": true}]})",
       "tokenizer.json: lstrip of the added token \"<x>\" is not supported"},
      {R"({"added_tokens": [{"id": -3, "content": "<x>"}]})", "tokenizer.json: added token \"<x>\" has the number -3"},
      {R"({"post_processor": {"type": "BertProcessing"}})",
       "tokenizer.json: post-processor BertProcessing is not supported"},
  };
  for (const auto& [changes, message] : cases) {
    EXPECT_EQ(error_message([&, changes = changes] { changed(changes); }), message);
  }
}

TEST(Tokenizer, NamesTheFileThatIsWrong) {
  const std::filesystem::path folder = test_folder();
  EXPECT_EQ(error_message([&] { Tokenizer::read(folder); }),
            folder.string() + " has no tokenizer.json: copy the model's into it");
  write_text(folder / "tokenizer.json", "{");
  EXPECT_EQ(error_message([&] { Tokenizer::read(folder); }),
            (folder / "tokenizer.json").string() + " is not a JSON object");
  write_text(folder / "tokenizer.json", austen_tokenizer().dump());
  write_text(folder / "tokenizer_config.json", R"({"bos_token": {"content": "<s>"}})");
  EXPECT_EQ(error_message([&] { Tokenizer::read(folder); }), (folder / "tokenizer_config.json").string() +
                                                                 ": bos_token \"<s>\" is not a token of " +
                                                                 (folder / "tokenizer.json").string());
  write_text(folder / "tokenizer_config.json", R"({"add_bos_token": true})");
  EXPECT_EQ(error_message([&] { Tokenizer::read(folder); }),
            (folder / "tokenizer_config.json").string() + ": add_bos_token is true, but no bos_token is named");
}

TEST(Tokenizer, AByteWithoutATokenIsNamed) {
  json configuration = austen_tokenizer();
  configuration["model"]["vocab"].erase("!");
  configuration["model"]["merges"] = json::array();
  const Tokenizer tokenizer(configuration, "tokenizer.json");
  EXPECT_EQ(error_message([&] { tokenizer.encode("a!"); }),
            "tokenizer.json: the vocabulary has no token for the byte 0x21");
}

}  // namespace
}  // namespace mambac

// The commands about checkpoints as their users meet them: a model is made, sent through every
// format, and used.
#include <gtest/gtest.h>

#include <string>

#include "base/atomic_output.h"
#include "base/json.h"
#include "base/sha256.h"
#include "tests/small_checkpoint.h"

namespace weir {
namespace {

class CheckpointCommands : public SmallCheckpoint {
 protected:
  void SetUp() override {
    SmallCheckpoint::SetUp();
    make("model", "f32");
  }
};

TEST_F(CheckpointCommands, AModelGoesThroughEveryFormatAndIsUsed) {
  Outcome converted = run({"convert", path("model"), path("m.gguf")});
  ASSERT_EQ(converted.code, 0) << converted.error;
  Outcome back = run({"convert", path("m.gguf"), path("back/")});
  ASSERT_EQ(back.code, 0) << back.error;
  EXPECT_EQ(*sha256_file(path("back/model.safetensors")),
            *sha256_file(path("model/model.safetensors")));
  Outcome quantized = run({"quantize", path("m.gguf"), path("q.gguf"), "q8_0"});
  ASSERT_EQ(quantized.code, 0) << quantized.error;
  EXPECT_NE(quantized.out.find("largest error"), std::string::npos) << quantized.out;

  for (const char* model : {"model", "m.gguf", "back", "q.gguf"}) {
    Outcome scores = run({"logits", path(model), "--tokens", "256,72,105", "--out",
                          path(std::string(model) + ".npy")});
    EXPECT_EQ(scores.code, 0) << scores.error;
    Outcome ids = run({"tokenize", path(model), "--ids"}, "Hi <think>");
    EXPECT_EQ(ids.out, "256 72 105 32 260\n") << model;
    Outcome plain = run({"tokenize", path(model), "--ids", "--no-special"}, "Hi <think>");
    EXPECT_EQ(plain.out, "72 105 32 60 116 104 105 110 107 62\n") << model;
    Outcome inspected = run({"inspect", path(model), "--json"});
    EXPECT_EQ(inspected.code, 0) << inspected.error;
    auto json = parse_json(inspected.out);
    ASSERT_TRUE(json) << inspected.out;
    EXPECT_TRUE(*json->find("weights")->find("matches_config")->as_bool()) << model;
    Outcome text = run({"generate", path(model), "--prompt", "a", "--tokens", "4", "--json"});
    EXPECT_EQ(text.code, 0) << text.error;
    EXPECT_EQ(run({"chat", path(model), "--tokens", "4"}, "Hi\n").code, 0);
  }
  EXPECT_EQ(*read_file(path("m.gguf.npy")), *read_file(path("model.npy")));
  EXPECT_NE(*read_file(path("q.gguf.npy")), *read_file(path("model.npy")));
}

TEST_F(CheckpointCommands, PerplexityAndImportanceReadATextOnce) {
  ASSERT_EQ(run({"convert", path("model"), path("m.gguf")}).code, 0);
  ASSERT_TRUE(write_file_atomic(path("text"), std::string(600, 'a') + std::string(600, 'b')));
  Outcome measured = run({"perplexity", path("m.gguf"), path("text"), "--context", "64", "--json"});
  ASSERT_EQ(measured.code, 0) << measured.error;
  auto json = parse_json(measured.out);
  ASSERT_TRUE(json) << measured.out;
  EXPECT_EQ(*json->find("windows")->as_int(), 19);  // of 63 characters behind BOS
  EXPECT_EQ(*json->find("tokens")->as_int(), 19 * 32);
  EXPECT_GT(*json->find("perplexity")->as_double(), 1);
  Outcome weighed =
      run({"importance", path("m.gguf"), path("text"), "--out", path("i.gguf"), "--context", "64"});
  ASSERT_EQ(weighed.code, 0) << weighed.error;
  EXPECT_EQ(run({"importance", path("m.gguf"), path("text"), "--out", path("i.gguf")}).code, 2)
      << "it exists";
  ASSERT_EQ(run({"quantize", path("m.gguf"), path("plain.gguf"), "q4_0"}).code, 0);
  ASSERT_EQ(run({"quantize", path("m.gguf"), path("weighed.gguf"), "q4_0", "--importance",
                 path("i.gguf")})
                .code,
            0);
  EXPECT_NE(*sha256_file(path("plain.gguf")), *sha256_file(path("weighed.gguf")));
}

TEST_F(CheckpointCommands, RepliesHaveTheFormThatIsAskedFor) {
  ASSERT_TRUE(write_file_atomic(
      path("schema.json"),
      R"({"type":"object","properties":{"ok":{"type":"boolean"},"n":{"enum":[1,22,333]}},
          "required":["ok","n"],"additionalProperties":false})"));
  ASSERT_TRUE(write_file_atomic(path("g.gbnf"), "root ::= [a-c]{5} \"\\n\" [x-z]{6}"));
  const auto reply = [&](std::vector<std::string> form) {
    std::vector<std::string> words = {"generate", path("model"), "--prompt", "a",     "--tokens",
                                      "200",      "--samples",   "3",        "--json"};
    words.insert(words.end(), form.begin(), form.end());
    const Outcome made = run(words);
    EXPECT_EQ(made.code, 0) << made.error;
    std::vector<std::string> texts;
    const auto json = parse_json(made.out);
    if (!json) return texts;
    for (const Json& one : json->find("completions")->items()) {
      EXPECT_EQ(one.find("finish_reason")->text(), "end");
      texts.push_back(one.find("text")->text());
    }
    EXPECT_EQ(texts.size(), 3u);
    return texts;
  };
  for (const std::string& text : reply({"--json-schema", path("schema.json")})) {
    const auto json = parse_json(text);
    ASSERT_TRUE(json) << text;
    EXPECT_TRUE(json->bool_at("ok")) << text;
    EXPECT_TRUE(json->int_at("n")) << text;
    EXPECT_EQ(json->size(), 2u);
  }
  for (const std::string& text : reply({"--regex", "(yes|no){30}!"}))
    EXPECT_TRUE(text.ends_with("!") && text.size() >= 61) << text;
  for (const std::string& text : reply({"--grammar", path("g.gbnf")})) EXPECT_EQ(text[5], '\n');
  const Outcome chat = run({"chat", path("model"), "--regex", "(yes|no){3}"}, "Hi\n");
  EXPECT_EQ(chat.code, 0) << chat.error;
  EXPECT_TRUE(chat.out.starts_with("yes") || chat.out.starts_with("no")) << chat.out;

  ASSERT_TRUE(write_file_atomic(path("bad.json"), R"({"properties":{"a":{"not":{}}}})"));
  const Outcome refused =
      run({"generate", path("model"), "--prompt", "a", "--json-schema", path("bad.json")});
  EXPECT_EQ(refused.code, 2);
  EXPECT_NE(refused.error.find("'not' at /properties/a is not supported"), std::string::npos)
      << refused.error;
  EXPECT_EQ(run({"generate", path("model"), "--prompt", "a", "--json-object", "--regex", "a"}).code,
            2);
}

// ollama keeps its models under such names.
TEST_F(CheckpointCommands, F13EveryCommandTakesAGgufFileOfAnyName) {
  ASSERT_EQ(run({"convert", path("model"), path("m.gguf")}).code, 0);
  ASSERT_EQ(run({"logits", path("m.gguf"), "--tokens", "1,2", "--out", path("a.npy")}).code, 0);
  const std::string ids = run({"tokenize", path("m.gguf"), "--ids"}, "Hello").out;
  const std::string config = run({"inspect", path("m.gguf"), "--config"}).out;
  const std::string blob = path("sha256-4d0c"), named = path("M.GGUF");
  const std::string bytes = *read_file(path("m.gguf"));
  ASSERT_TRUE(write_file_atomic(path("text"), std::string(400, 'a')));
  for (const std::string& model : {blob, named}) {
    ASSERT_TRUE(write_file_atomic(model, bytes));
    EXPECT_EQ(run({"logits", model, "--tokens", "1,2", "--out", path("b.npy")}).code, 0);
    EXPECT_EQ(*read_file(path("b.npy")), *read_file(path("a.npy")));
    EXPECT_EQ(run({"tokenize", model, "--ids"}, "Hello").out, ids);
    EXPECT_EQ(run({"inspect", model, "--config"}).out, config);
    EXPECT_EQ(run({"generate", model, "--prompt", "a", "--tokens", "2"}).code, 0);
    EXPECT_EQ(run({"chat", model, "--form", "plain", "--tokens", "2"}, "hi\n").code, 0);
    EXPECT_EQ(run({"perplexity", model, path("text"), "--context", "32"}).code, 0);
    EXPECT_EQ(run({"quantize", model, path("q.gguf"), "q8_0", "--overwrite"}).code, 0);
    EXPECT_EQ(run({"convert", model, path("c.gguf"), "--overwrite"}).code, 0);
  }
}

TEST_F(CheckpointCommands, ACutFileServesWhatItsHeaderHolds) {
  ASSERT_EQ(run({"convert", path("model"), path("m.gguf")}).code, 0);
  const std::string whole = *read_file(path("m.gguf"));
  ASSERT_TRUE(write_file_atomic(path("cut.gguf"), whole.substr(0, whole.size() - 1000)));
  for (const char* arguments : {"tokenize", "inspect"}) {
    const std::string option = arguments[0] == 't' ? "--ids" : "--config";
    const Outcome cut = run({arguments, path("cut.gguf"), option}, "Hello");
    EXPECT_EQ(cut.code, 0) << cut.error;
    EXPECT_EQ(cut.out, run({arguments, path("m.gguf"), option}, "Hello").out);
  }
  EXPECT_EQ(run({"inspect", path("cut.gguf")}).code, 2);
}

// Seven layers of V2-Lite are 4.4 GB, of which a moment's work is written and removed.
TEST_F(CheckpointCommands, AnInterruptSaysThatNothingWasWritten) {
  const Outcome stopped =
      run({"make-random", path("big.gguf"), "--like", "v2-lite", "--layers", "7", "--type", "q8_0"},
          "", true);
  if (stopped.error.find("are free on its disk") != std::string::npos)
    GTEST_SKIP() << stopped.error;
  EXPECT_EQ(stopped.code, 130) << stopped.error;
  EXPECT_NE(stopped.error.find("nothing was written"), std::string::npos) << stopped.error;
  const auto names = list_directory(folder_);
  ASSERT_TRUE(names);
  for (const std::string& name : *names) EXPECT_FALSE(name.starts_with("big")) << name;
}

TEST_F(CheckpointCommands, WrongInputIsOneSentence) {
  ASSERT_EQ(run({"convert", path("model"), path("m.gguf")}).code, 0);
  const std::string whole = *read_file(path("m.gguf"));
  ASSERT_TRUE(write_file_atomic(path("cut.gguf"), whole.substr(0, whole.size() / 2)));
  const std::vector<std::vector<std::string>> wrong = {
      {"generate", path("cut.gguf"), "--prompt", "a"},
      {"logits", path("nothing.gguf"), "--tokens", "1", "--out", path("l.npy")},
      {"inspect", path("cut.gguf")},
      {"convert", path("cut.gguf"), path("out.gguf")},
      {"convert", path("model"), path("m.gguf")},
      {"convert", path("m.gguf"), path("m.gguf"), "--overwrite"},
      {"quantize", path("model"), path("folder"), "q4_0"},
      {"logits", path("m.gguf"), "--tokens", "300", "--out", path("l.npy")},
      {"logits", path("m.gguf"), "--tokens", "1", "--out", path("m.gguf")},
      {"perplexity", path("m.gguf"), path("config.json"), "--context", "100000"},
      {"make-random", path("r.gguf"), "--like", "nonesuch"},
      {"make-random", path("r.gguf"), "--like", "v2-lite", "--layers", "100"},
      {"convert", path("model"), path("absent/m.gguf")},
      {"chat", path("m.gguf"), "--form", "conversational"},
  };
  for (const auto& arguments : wrong) {
    Outcome outcome = run(arguments);
    EXPECT_EQ(outcome.code, 2) << arguments[0] << ": " << outcome.error;
    EXPECT_EQ(outcome.error.rfind("weir: ", 0), 0u) << outcome.error;
    EXPECT_EQ(outcome.error.find('\n'), outcome.error.size() - 1) << outcome.error;
  }
  EXPECT_EQ(*read_file(path("m.gguf")), whole);
  EXPECT_FALSE(file_exists(path("out.gguf")) || file_exists(path("l.npy")));
}

}  // namespace
}  // namespace weir

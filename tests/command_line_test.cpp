// The finished program as its users meet it: exit codes, messages, generate, chat and tokenizer on
// a tiny random model.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <vector>

#include "base/atomic_output.h"
#include "base/json.h"
#include "tests/run_program.h"
#include "tests/tiny_model.h"

namespace weir {
namespace {

// A folder with a model that knows all bytes and an end token, made once.
const std::string& model_folder() {
  static const std::string folder = [] {
    std::string path = testing::TempDir() + "weir_model_XXXXXX";
    EXPECT_NE(mkdtemp(path.data()), nullptr);
    write_tiny_model(path);
    return path;
  }();
  return folder;
}

class CommandLine : public testing::Test {
 protected:
  static void TearDownTestSuite() { EXPECT_TRUE(remove_all(model_folder())); }
};

TEST_F(CommandLine, HelpAndVersionEndWellOnStandardOutput) {
  Outcome help = run({"--help"});
  EXPECT_EQ(help.code, 0);
  for (const char* command :
       {"train",    "generate",    "complete", "chat",       "serve",      "models",  "key",
        "inspect",  "tokenizer",   "corpus",   "doctor",     "scores",     "bench",   "convert",
        "quantize", "make-random", "logits",   "perplexity", "importance", "tokenize"}) {
    EXPECT_NE(help.out.find(command), std::string::npos) << command;
    Outcome own = run({command, "--help"});
    EXPECT_EQ(own.code, 0) << command;
    EXPECT_NE(own.out.find("Usage: weir " + std::string(command)), std::string::npos) << own.out;
  }
  Outcome version = run({"--version"});
  EXPECT_EQ(version.code, 0);
  EXPECT_EQ(version.out.rfind("weir ", 0), 0u);
  EXPECT_EQ(run({"version"}).out, version.out);
}

TEST_F(CommandLine, WrongUsageIsOneSentenceAndTheHelpToRead) {
  struct Case {
    std::vector<std::string> arguments;
    const char *word, *help;
  };
  const Case cases[] = {
      {{"genrate"}, "'generate'", "weir --help"},
      {{"generate"}, "FOLDER", "weir generate --help"},
      {{"generate", "x", "--tokens", "many"}, "--tokens", "weir generate --help"},
      {{"generate", "x", "--tokens", "0"}, "--tokens", "weir generate --help"},
      {{"generate", "x", "--nonsense"}, "--nonsense", "weir generate --help"},
      {{"generate", "x", "--cache", "paper"}, "--cache", "weir generate --help"},
      {{"generate", "x", "--prompt", "a", "--prompt-file", "b"},
       "--prompt",
       "weir generate --help"},
      {{"tokenizer", "train", "x"}, "--out", "weir tokenizer train --help"},
  };
  for (const Case& c : cases) {
    Outcome outcome = run(c.arguments);
    EXPECT_EQ(outcome.code, 2) << outcome.error;
    EXPECT_EQ(outcome.out, "");
    EXPECT_EQ(outcome.error.rfind("weir: ", 0), 0u) << outcome.error;
    EXPECT_EQ(outcome.error.find('\n'), outcome.error.size() - 1) << outcome.error;
    EXPECT_NE(outcome.error.find(c.word), std::string::npos) << outcome.error;
    EXPECT_NE(outcome.error.find(c.help), std::string::npos) << outcome.error;
  }
  EXPECT_EQ(run({}).code, 2);
}

TEST_F(CommandLine, N20MistypedOptionsAndValuesNameTheRightOnes) {
  struct Case {
    std::vector<std::string> arguments;
    const char* part;
  };
  const Case cases[] = {
      {{"chat", "x", "--temprature", "0"},
       "'--temprature' is no option of weir chat (did you mean '--temperature'?)"},
      {{"generate", "x", "--promt=a"}, "(did you mean '--prompt'?)"},
      {{"r1", "x", "--minute", "3"}, "(did you mean '--minutes'?)"},
      {{"tokenizer", "train", "x", "--ot", "y"},
       "'--ot' is no option of weir tokenizer train (did you mean '--out'?)"},
      {{"tokenizer", "trian"},
       "'trian' is no command (did you mean 'train'?); see weir tokenizer --help"},
      {{"--versoin"}, "(did you mean '--version'?)"},
      {{"generate", "x", "two", "words"}, "'two' is one argument too many"},
      {{"generate", "x", "--tokens", "a,b"},
       "--tokens: must be a whole number from 1 to 16777216, not 'a,b'"},
      {{"generate", "x", "--temperature", "1e99"},
       "--temperature: must be a number from 0 to 1000, not '1e99'"},
      {{"generate", "x", "--cache-limit", "much"},
       "--cache-limit: must be a number from 0 to 1000000, not 'much'"},
      {{"generate", "x", "--cache", "latnt"}, "did you mean 'latent'?"},
      {{"quantize", "a", "b.gguf", "q4_km"}, "did you mean 'q4_k_m'?"},
      {{"inspect", "demo", "--context", "-1"}, "--context: must be a whole number from 0 to"},
      {{"help", "chta"}, "'chta' is no command (did you mean 'chat'?)"},
  };
  for (const Case& c : cases) {
    const Outcome outcome = run(c.arguments);
    EXPECT_EQ(outcome.code, 2) << outcome.error;
    EXPECT_NE(outcome.error.find(c.part), std::string::npos) << c.part << "\n" << outcome.error;
    EXPECT_EQ(outcome.error.find('\n'), outcome.error.size() - 1) << outcome.error;
    EXPECT_LT(outcome.error.size(), 200u) << outcome.error;
  }
}

TEST_F(CommandLine, CompleteNamesWhatIsWrongWithThePlace) {
  const std::string file = model_folder() + "/source.py";
  ASSERT_TRUE(write_file_atomic(file, "def f():\n    return 1\n"));
  ASSERT_TRUE(write_file_atomic(model_folder() + "/binary", std::string("a\0b", 3)));
  const std::pair<std::string, const char*> cases[] = {
      {file, "is no place in a file; give FILE:LINE"},
      {file + ":0", "numbers from 1"},
      {file + ":4", "has no line 4; it has 3 lines"},
      {file + ":2:15", "line 2 has no column 15; the place after its end is column 13"},
      {model_folder() + "/none.py:1", "none.py"},
      {model_folder() + "/binary:1", "is no text"},
      {file + ":2", "cannot fill in the middle: its vocabulary has no <|fim_prefix|>"},
  };
  for (const auto& [place, words] : cases) {
    const Outcome outcome = run({"complete", model_folder(), place});
    EXPECT_EQ(outcome.code, 2) << place;
    EXPECT_EQ(outcome.out, "");
    EXPECT_NE(outcome.error.find(words), std::string::npos) << outcome.error;
  }
}

TEST_F(CommandLine, N20HelpIsACommandToo) {
  EXPECT_EQ(run({"help"}).out, run({"--help"}).out);
  EXPECT_EQ(run({"help", "chat"}).out, run({"chat", "--help"}).out);
  EXPECT_EQ(run({"help", "tokenizer", "train"}).out, run({"tokenizer", "train", "--help"}).out);
}

TEST_F(CommandLine, N11PipedTextIsThePrompt) {
  const std::vector<std::string> base = {"generate", model_folder(), "--tokens", "8"};
  auto with = [&](std::vector<std::string> more, const std::string& input = "") {
    more.insert(more.begin(), base.begin(), base.end());
    return run(more, input);
  };
  const Outcome wanted = with({"--prompt", "The capital of France is"});
  ASSERT_EQ(wanted.code, 0) << wanted.error;
  EXPECT_EQ(with({}, "The capital of France is\n").out, wanted.out);
  EXPECT_EQ(with({"--prompt", "The capital of France is"}, "something else").out, wanted.out);
  EXPECT_NE(with({"--prompt-file", "-"}).error.find("standard input: holds no text"),
            std::string::npos);
  const Outcome nothing = with({});
  EXPECT_EQ(nothing.code, 2);
  EXPECT_EQ(nothing.out, "");
  EXPECT_NE(nothing.error.find("--prompt"), std::string::npos) << nothing.error;
}

TEST_F(CommandLine, N11BinaryPromptsAreRefusedAsTrainingRefusesThem) {
  const std::string file = model_folder() + "/prompt.txt";
  const std::pair<std::string, const char*> cases[] = {
      {"a\nb\xff", ":2: not valid UTF-8"}, {std::string("a\0b", 3), ":1: holds a NUL byte"}};
  for (const auto& [text, part] : cases) {
    ASSERT_TRUE(write_file_atomic(file, text));
    const Outcome from_file = run({"generate", model_folder(), "--prompt-file", file});
    EXPECT_EQ(from_file.code, 2);
    EXPECT_NE(from_file.error.find(file + part), std::string::npos) << from_file.error;
    const Outcome piped = run({"generate", model_folder()}, text);
    EXPECT_EQ(piped.code, 2);
    EXPECT_NE(piped.error.find(std::string("standard input") + part), std::string::npos)
        << piped.error;
  }
}

TEST_F(CommandLine, N3ANameThatIsNoFileGetsModelsToBeginWith) {
  for (const char* command : {"chat", "generate", "inspect"}) {
    const Outcome outcome = run({command, "qwen2.5:1.5b"});
    EXPECT_EQ(outcome.code, 2);
    EXPECT_NE(outcome.error.find("qwen2.5:1.5b"), std::string::npos) << outcome.error;
    EXPECT_NE(outcome.error.find("https://huggingface.co/Qwen/Qwen2.5-1.5B-Instruct-GGUF/resolve/"
                                 "main/qwen2.5-1.5b-instruct-q4_k_m.gguf"),
              std::string::npos)
        << outcome.error;
  }
}

TEST_F(CommandLine, AClosedStandardOutputIsAnError) {
  const std::string weir = WEIR_PROGRAM, folder = model_folder();
  const auto code_of = [](const std::string& line) {
    const int status = system(("exec " + line).c_str());
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  };
  for (const char* const command : {"version", "inspect demo", "--help"})
    EXPECT_EQ(code_of(weir + " " + command + " >&- 2>/dev/null"), 2) << command;
  EXPECT_EQ(code_of(weir + " generate " + folder + " --prompt a --tokens 3 >&- 2>/dev/null"), 2);
  EXPECT_EQ(code_of(weir + " generate " + folder + " --prompt a --tokens 3 >/dev/null 2>&-"), 0);
}

TEST_F(CommandLine, WrongInputIsNamed) {
  const std::string& folder = model_folder();
  Outcome missing = run({"generate", "/no/such/folder", "--prompt", "a"});
  EXPECT_EQ(missing.code, 2);
  EXPECT_NE(missing.error.find("/no/such/folder"), std::string::npos);
  Outcome hot = run({"generate", folder, "--prompt", "a", "--top-p", "2"});
  EXPECT_EQ(hot.code, 2);
  EXPECT_NE(hot.error.find("top-p"), std::string::npos);
  Outcome small = run({"generate", folder, "--prompt", "a", "--cache-limit", "0.0000001"});
  EXPECT_EQ(small.code, 2);
  EXPECT_NE(small.error.find("cache"), std::string::npos);
  Outcome large = run({"generate", folder, "--prompt-file", "-"}, std::string(5000, 'a'));
  EXPECT_EQ(large.code, 2);
  EXPECT_NE(large.error.find("5000"), std::string::npos);
}

TEST_F(CommandLine, GenerateStreamsTheTextOfItsJson) {
  const std::string& folder = model_folder();
  const std::vector<std::string> base = {"generate", folder, "--prompt",    "Once",
                                         "--tokens", "40",   "--ignore-end"};
  Outcome text = run(base);
  ASSERT_EQ(text.code, 0) << text.error;
  EXPECT_NE(text.error.find("tokens/s"), std::string::npos);
  auto with = [&](std::vector<std::string> more) {
    std::vector<std::string> all = base;
    all.insert(all.end(), more.begin(), more.end());
    return run(all);
  };
  Outcome json = with({"--json", "--threads", "1"});
  ASSERT_EQ(json.code, 0) << json.error;
  EXPECT_EQ(json.error, "");
  auto parsed = parse_json(json.out);
  ASSERT_TRUE(parsed.has_value()) << json.out;
  const Json& first = parsed->find("completions")->items().at(0);
  EXPECT_EQ(first.find("text")->text() + "\n", text.out);
  EXPECT_EQ(first.find("finish_reason")->text(), "length");
  EXPECT_EQ(first.find("tokens")->size(), 40u);
  // Sample 1 of many is the single one; another seed says something else; --temperature 0 has none.
  Outcome many = with({"--json", "--samples", "5"});
  auto samples = parse_json(many.out);
  ASSERT_TRUE(samples.has_value());
  EXPECT_EQ(samples->find("completions")->items().at(0).dump(), first.dump());
  EXPECT_EQ(samples->find("completions")->size(), 5u);
  EXPECT_NE(with({"--seed", "2"}).out, text.out);
  EXPECT_EQ(with({"--seed", "2", "--temperature", "0"}).out, with({"--temperature", "0"}).out);
  Outcome latent = with({"--temperature", "0", "--cache", "latent"});
  EXPECT_EQ(latent.code, 0) << latent.error;
}

TEST_F(CommandLine, AnEmptyPromptBeginsWithTheEndToken) {
  Outcome outcome = run({"generate", model_folder(), "--prompt", "", "--tokens", "3", "--json"});
  ASSERT_EQ(outcome.code, 0) << outcome.error;
  auto parsed = parse_json(outcome.out);
  ASSERT_TRUE(parsed.has_value());
  EXPECT_EQ(*parsed->find("prompt_tokens")->as_int(), 1);
}

TEST_F(CommandLine, InterruptedGenerationKeepsWhatItHasAndSays130) {
  Outcome outcome = run({"generate", model_folder(), "--prompt", "a", "--tokens", "4000",
                         "--samples", "4096", "--ignore-end", "--json"},
                        "", true);
  EXPECT_EQ(outcome.code, 130);
  EXPECT_TRUE(parse_json(outcome.out).has_value());
}

TEST_F(CommandLine, ChatReadsLinesFromAPipe) {
  Outcome outcome = run({"chat", model_folder(), "--tokens", "8", "--lines"},
                        "Hello\n/temperature 0\n/temperature cold\n/seed "
                        "3\n\nAgain\n/reset\nAnew\n/agian\n/quit\nno\n");
  EXPECT_EQ(outcome.code, 0) << outcome.error;
  EXPECT_NE(outcome.error.find("base model"), std::string::npos);
  EXPECT_NE(outcome.error.find("/temperature: "), std::string::npos);
  EXPECT_NE(outcome.error.find("/agian is no command; did you mean /again?"), std::string::npos);
  Outcome one = run({"chat", model_folder(), "--tokens", "8", "--temperature", "0"}, "Anew");
  // The last answer began from nothing: it is that of a conversation of one.
  ASSERT_GE(outcome.out.size(), one.out.size());
  EXPECT_EQ(outcome.out.substr(outcome.out.size() - one.out.size()), one.out);
}

// What a conversation of these lines holds, as /save writes it.
std::vector<std::string> questions_after(const std::string& lines,
                                         std::vector<std::string> more = {}) {
  const std::string file = model_folder() + "/saved.json";
  more.insert(more.begin(),
              {"chat", model_folder(), "--tokens", "4", "--temperature", "0", "--lines"});
  const Outcome outcome = run(more, lines + "\n/save " + file + "\n");
  EXPECT_EQ(outcome.code, 0) << outcome.error;
  return saved_questions(file);
}

TEST_F(CommandLine, F16QuestionsMayBeginWithASlash) {
  EXPECT_EQ(questions_after("/usr/bin/env: what is it?\n/no_think 1+1?\n /etc/passwd holds "
                            "what?\n//again\n/stge\n"),
            (std::vector<std::string>{"/usr/bin/env: what is it?", "/no_think 1+1?",
                                      "/etc/passwd holds what?", "/again"}));
}

TEST_F(CommandLine, N4TextOfSeveralLinesIsOneQuestion) {
  EXPECT_EQ(questions_after("\"\"\"Write a function\n/that adds\n\n  two\"\"\"\nb"),
            (std::vector<std::string>{"Write a function\n/that adds\n\n  two", "b"}));
  const std::string file = model_folder() + "/notes.txt";
  ASSERT_TRUE(write_file_atomic(file, "line one\r\nline two\n"));
  EXPECT_EQ(questions_after("/file " + file + "\nWhat is it?\n/file " + file + "\n\n"),
            (std::vector<std::string>{"line one\nline two\n\nWhat is it?", "line one\nline two"}));
}

TEST_F(CommandLine, N11APipeIsOneQuestionOfChat) {
  const std::string text = "/reset\nis a command\nfor chats";
  const std::string file = model_folder() + "/asked.json";
  const Outcome piped =
      run({"chat", model_folder(), "--tokens", "8", "--temperature", "0"}, text + "\n");
  EXPECT_EQ(piped.code, 0) << piped.error;
  const Outcome typed =
      run({"chat", model_folder(), "--tokens", "8", "--temperature", "0", "--lines"},
          "\"\"\"" + text + "\"\"\"\n");
  EXPECT_EQ(piped.out, typed.out);
  const Outcome junk = run({"chat", model_folder()}, "a\xff");
  EXPECT_EQ(junk.code, 2);
  EXPECT_NE(junk.error.find("not valid UTF-8"), std::string::npos) << junk.error;
}

TEST_F(CommandLine, N7MoreGoesOnWhereTheAnswerWasCut) {
  const std::vector<std::string> base = {"chat", model_folder(), "--temperature", "0", "--lines"};
  const Outcome whole = run(base, "/tokens 60\nOnce\n");
  ASSERT_EQ(whole.code, 0) << whole.error;
  const Outcome parts = run(base, "/tokens 20\nOnce\n/more\n/more\n");
  EXPECT_NE(parts.error.find("cut after 20 tokens; /more goes on"), std::string::npos);
  // Each part ends its line; the bytes of a character may be cut by a part's end.
  auto ascii = [](const std::string& text) {
    std::string kept;
    for (char c : text)
      if (c > ' ' && c < 0x7f && c != '?') kept += c;
    return kept;
  };
  EXPECT_EQ(ascii(parts.out), ascii(whole.out));
  EXPECT_NE(run(base, "/more\n").error.find("/more: no answer was cut"), std::string::npos);
}

TEST_F(CommandLine, N9SavedConversationsGoOn) {
  const std::string file = model_folder() + "/talk.json", other = model_folder() + "/other.txt";
  const std::vector<std::string> base = {"chat", model_folder(), "--tokens", "16", "--temperature",
                                         "0",    "--lines"};
  const Outcome whole = run(base, "/system Be brief.\nfirst\nsecond\n");
  run(base, "/system Be brief.\nfirst\n/save " + file + "\n");
  const Outcome loaded = run(base, "/load " + file + "\nsecond\n/system\n");
  ASSERT_GE(whole.out.size(), loaded.out.size());
  EXPECT_EQ(whole.out.substr(whole.out.size() - loaded.out.size()), loaded.out);
  EXPECT_NE(loaded.error.find("Be brief."), std::string::npos) << loaded.error;
  std::vector<std::string> with_system = base;
  with_system.insert(with_system.end(), {"--system", "Be brief."});
  EXPECT_EQ(run(with_system, "first\nsecond\n").out, whole.out);
  ASSERT_TRUE(write_file_atomic(other, "mine"));
  const Outcome refused = run(base, "first\n/save " + other + "\n/load " + other + "\n/load\n");
  EXPECT_NE(refused.error.find("holds something else than a conversation"), std::string::npos);
  EXPECT_EQ(*read_file(other), "mine");
}

TEST_F(CommandLine, N10ForgottenTurnsAreSaid) {
  std::string lines;
  for (int i = 0; i < 12; ++i) lines += std::string(400, 'x') + "\n";
  const Outcome outcome =
      run({"chat", model_folder(), "--tokens", "4", "--temperature", "0", "--lines"}, lines);
  EXPECT_EQ(outcome.code, 0);
  EXPECT_NE(outcome.error.find("(the first turn no longer fits into the context of 4096 tokens and "
                               "is forgotten)"),
            std::string::npos)
      << outcome.error;
}

TEST_F(CommandLine, N7ModelsWithATemplateMayAnswerUntilTheContextIsFull) {
  std::string folder = testing::TempDir() + "weir_template_XXXXXX";
  ASSERT_NE(mkdtemp(folder.data()), nullptr);
  write_tiny_model(folder, 600);
  ASSERT_TRUE(write_file_atomic(folder + "/chat_template.jinja",
                                "{{ messages[-1]['content'] }}:{% if tools %}{{ tools | length "
                                "}}{% endif %}"));
  const auto chat = [&](std::vector<std::string> more, const std::string& input) {
    more.insert(more.begin(), {"chat", folder, "--temperature", "0", "--lines"});
    return run(more, input);
  };
  // A random model: it ends by chance or not at all.
  const Outcome free = chat({}, "ab\n");
  const Outcome bound = chat({"--tokens", "256"}, "ab\n");
  EXPECT_EQ(free.code, 0) << free.error;
  EXPECT_NE(bound.error.find("cut after 256 tokens"), std::string::npos) << bound.error;
  EXPECT_GT(free.out.size(), bound.out.size());
  EXPECT_NE(free.error.find("(the context of 600 tokens is full)"), std::string::npos)
      << free.error;
  const Outcome system = chat({"--system", "Be brief."}, "ab\n");
  EXPECT_EQ(system.code, 2);
  EXPECT_NE(system.error.find("leaves system prompts out"), std::string::npos) << system.error;
  const std::string tools = folder + "/tools.json";
  ASSERT_TRUE(write_file_atomic(tools, R"([{"type": "function", "function": {"name": "a"}}])"));
  EXPECT_EQ(chat({"--tools", tools, "--tokens", "1"}, "ab\n").code, 0);
  EXPECT_TRUE(remove_all(folder));
}

// A conversation with a call and its result, rendered by Qwen's own template.
TEST_F(CommandLine, F45PublishedTemplatesTakeTools) {
  const char* models = std::getenv("WEIR_REAL_MODELS");
  const std::string qwen =
      std::string(models ? models : "") + "/qwen2.5-coder-0.5b-instruct-q4_k_m.gguf";
  if (!models || !file_exists(qwen))
    GTEST_SKIP() << "WEIR_REAL_MODELS names no folder with Qwen2.5-Coder-0.5B";
  const std::string tools = model_folder() + "/weather.json", saved = model_folder() + "/qwen.json";
  ASSERT_TRUE(write_file_atomic(
      tools, R"([{"type": "function", "function": {"name": "get_weather", "parameters":
              {"type": "object", "properties": {"city": {"type": "string"}}}}}])"));
  ASSERT_TRUE(
      write_file_atomic(saved, R"({"messages": [{"role": "user", "content": "Weather in Paris?"},
               {"role": "assistant", "content": "", "tool_calls": [{"type": "function",
                "function": {"name": "get_weather", "arguments": {"city": "Paris"}}}]}]})"));
  const Outcome outcome = run({"chat", qwen, "--tools", tools, "--tokens", "4", "--lines"},
                              "/load " + saved + "\n/result 21 degrees\n/save " + saved + "\n");
  EXPECT_EQ(outcome.code, 0) << outcome.error;
  const auto json = read_json_file(saved);
  ASSERT_TRUE(json) << json.error().message;
  const Json& messages = *json->find("messages");
  ASSERT_EQ(messages.size(), 4u) << outcome.error;
  EXPECT_EQ(messages.items()[2].find("role")->text(), "tool");
  EXPECT_FALSE(messages.items()[3].find("content")->text().empty());
}

TEST_F(CommandLine, F45ToolsNeedATemplateAndAWholeFile) {
  const std::string file = model_folder() + "/tools.json";
  ASSERT_TRUE(write_file_atomic(file, R"([{"type": "function", "function": {"name": "a b"}}])"));
  const Outcome wrong = run({"chat", model_folder(), "--tools", file}, "x");
  EXPECT_EQ(wrong.code, 2);
  EXPECT_NE(wrong.error.find("tools.json: tool 1: 'a b' is no name"), std::string::npos);
  ASSERT_TRUE(write_file_atomic(file, R"([{"type": "function", "function": {"name": "a"}}])"));
  const Outcome plain = run({"chat", model_folder(), "--tools", file}, "x");
  EXPECT_EQ(plain.code, 2);
  EXPECT_NE(plain.error.find("tools need a model with a chat template"), std::string::npos);
}

TEST_F(CommandLine, TokenizerEncodesAndDecodes) {
  const std::string& folder = model_folder();
  const std::string text = "Zürich\n";
  Outcome ids = run({"tokenizer", "encode", folder}, text);
  ASSERT_EQ(ids.code, 0) << ids.error;
  Outcome back = run({"tokenizer", "decode", folder}, ids.out);
  EXPECT_EQ(back.out, text);
  EXPECT_EQ(run({"tokenizer", "decode", folder + "/tokenizer.json", "9999"}).code, 2);
  Outcome plain = run({"tokenizer", "encode", folder, "<end>"});
  EXPECT_EQ(std::count(plain.out.begin(), plain.out.end(), ' '), 4)
      << plain.out;  // five characters
  EXPECT_EQ(run({"tokenizer", "encode", folder, "<end>", "--special"}).out, "0\n");
}

TEST_F(CommandLine, TokenizerLearnsFromFiles) {
  std::string folder = testing::TempDir() + "weir_learn_XXXXXX";
  ASSERT_NE(mkdtemp(folder.data()), nullptr);
  std::string text;
  for (int i = 0; i < 200; ++i) text += "the cat sat on the mat and the rat ran\n";
  ASSERT_TRUE(write_file_atomic(folder + "/text.txt", text));
  Outcome learned =
      run({"tokenizer", "train", "--vocab", "270", "--out", folder + "/t", folder + "/text.txt"});
  EXPECT_EQ(learned.code, 0) << learned.error;
  EXPECT_NE(learned.out.find("270 tokens"), std::string::npos) << learned.out;
  Outcome ids = run({"tokenizer", "encode", folder + "/t", "the cat"});
  EXPECT_EQ(run({"tokenizer", "decode", folder + "/t"}, ids.out).out, "the cat");
  EXPECT_TRUE(remove_all(folder));
}

// A disk limit reached while writing leaves what stood at the target.
TEST_F(CommandLine, ACorpusThatCanNotBeWrittenLeavesTheFileBefore) {
  std::string folder = testing::TempDir() + "weir_corpus_XXXXXX";
  ASSERT_NE(mkdtemp(folder.data()), nullptr);
  const std::string out = folder + "/corpus.jsonl";
  ASSERT_TRUE(write_file_atomic(folder + "/text.txt", std::string(20000, 'a')));
  ASSERT_TRUE(write_file_atomic(out, "precious"));
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const rlimit tight{4096, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &tight), 0);
  Outcome outcome = run({"corpus", folder + "/text.txt", "--out", out});
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  EXPECT_EQ(outcome.code, 2) << outcome.error;
  EXPECT_NE(outcome.error.find("corpus.jsonl: larger than the file size limit"), std::string::npos)
      << outcome.error;
  EXPECT_EQ(*read_file(out), "precious");
  EXPECT_EQ(list_directory(folder)->size(), 2u);  // nothing half written
  EXPECT_TRUE(remove_all(folder));
}

}  // namespace
}  // namespace weir

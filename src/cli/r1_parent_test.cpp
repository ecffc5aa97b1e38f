// Models as others publish them as the parents of every kind of stage: their own tokenizer,
// template, ends and files.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <set>

#include "base/sha256.h"
#include "base/text.h"
#include "doctor/doctor.h"
#include "pipeline/parent.h"
#include "pipeline/run_setup.h"
#include "stages/stage_memory.h"
#include "testing/r1_parent_fixture.h"

namespace weir {
namespace {

std::vector<Json> lines_of(const std::string& path) {
  std::vector<Json> lines;
  Result<std::string> text = read_file(path);
  EXPECT_TRUE(text) << path;
  if (text)
    for (const std::string& line : split(*text, '\n'))
      if (!line.empty()) lines.push_back(*parse_json(line));
  return lines;
}

TEST_F(R1Parent, N2AFolderAndItsGgufFileGiveTheSameBitsInEveryStage) {
  for (const char* family : {"qwen2", "llama"}) {
    SCOPED_TRACE(family);
    const std::string folder = path(family), file = path(std::string(family) + ".gguf");
    write_parent(folder, family);
    write_gguf(folder, file);
    const std::string from_folder = path(std::string(family) + "-1"),
                      from_file = path(std::string(family) + "-2");
    ASSERT_EQ(error_of(yaml(folder, from_folder)), "");
    ASSERT_EQ(error_of(yaml(file, from_file)), "");
    for (const std::string& stage : stages())
      EXPECT_EQ(sha_of(from_folder, stage), sha_of(from_file, stage)) << stage;
    // Learning goes on from the parent's weights: with a rate of 0 they stay.
    const std::string still = path(std::string(family) + "-still");
    ASSERT_EQ(
        error_of("run: " + still + "\nevaluation: {problems: 1, reply_tokens: 2, sets: {}}\n" +
                 "stages:\n  a: {kind: sft, parent: " + file +
                 ", steps: 1, tokens: 64, lr: 0, weight_decay: 0, data: {said: {kind: file, "
                 "path: " +
                 rows() + "}}}\n"),
        "");
    EXPECT_EQ(sha_of(still, "a"), *sha256_file(folder + "/model.safetensors"));
  }
}

TEST_F(R1Parent, N2StagesAreFoldersWithTheParentsFiles) {
  const std::string folder = path("parent"), run = path("run");
  write_parent(folder, "qwen2");
  write_gguf(folder, path("parent.gguf"));
  ASSERT_EQ(error_of(yaml(folder, run)), "");
  for (const std::string& place : {run, run + "/stages/tuned", run + "/stages/last"})
    for (const char* name : {"tokenizer.json", "tokenizer_config.json", "generation_config.json"})
      EXPECT_EQ(*read_file(place + "/" + name), *read_file(folder + "/" + name)) << place << name;
  // What a GGUF file's stages leave is such a folder, too, and says the same.
  const std::string run2 = path("run2");
  ASSERT_EQ(error_of(yaml(path("parent.gguf"), run2)), "");
  Result<ModelTexts> made = read_model_texts(run2 + "/stages/tuned");
  ASSERT_TRUE(made) << made.error().message;
  const ModelTexts parent = *read_model_texts(folder);
  EXPECT_EQ(made->chat.source, kChatMl);
  EXPECT_EQ(std::set(made->chat.ends.begin(), made->chat.ends.end()),
            std::set(parent.chat.ends.begin(), parent.chat.ends.end()))
      << "the GGUF file does not name the template's own end";
  EXPECT_EQ(tokenizer_json(made->tokenizer), tokenizer_json(parent.tokenizer));
  EXPECT_TRUE(load_model(run2 + "/stages/tuned", false));
  // It is a parent itself.
  EXPECT_EQ(error_of(yaml(run + "/stages/tuned", path("again"))), "");
}

TEST_F(R1Parent, N2RolloutsHaveTheLogProbabilitiesOfTrainingAndTheModelLearns) {
  const std::string folder = path("parent"), run = path("run");
  write_parent(folder, "llama");
  ASSERT_EQ(error_of(yaml(folder, run)), "");
  for (const char* stage : {"zero", "direct", "last"})
    for (const Json& line : lines_of(stage_file(run, stage, "metrics.jsonl")))
      EXPECT_EQ(*line.double_at("max_difference"), 0) << stage << ": " << line.dump();
  const std::vector<Json> tuned = lines_of(stage_file(run, "tuned", "metrics.jsonl"));
  EXPECT_LT(*tuned.back().double_at("loss"), 0.7 * *tuned.front().double_at("loss"));
  // Replies end with the template's end, which no reply shows.
  const Json scores = *read_json_file(stage_file(run, "tuned", "scores.json"));
  double ended = 0;
  for (const Json& score : scores.find("scores")->items()) ended += *score.double_at("well_formed");
  EXPECT_GT(ended, 0);
}

TEST_F(R1Parent, N2DoctorShowsTheRepliesAndTheirEndsAsLearned) {
  const std::string folder = path("parent");
  write_parent(folder, "qwen2");
  Recipe file = *Recipe::parse(yaml(folder, path("run")), "r.yaml");
  R1Recipe recipe = *read_r1_recipe(file);
  ThreadPool pool(1);
  const ModelTexts texts = *make_r1_texts(recipe, pool);
  const ConversationFormat format = *make_format(texts.tokenizer, texts.chat, folder);
  Result<DoctorReport> report = examine_recipe(recipe, texts.tokenizer, format, 128, {});
  ASSERT_TRUE(report) << report.error().message;
  for (const Finding& finding : report->findings) {
    if (finding.check == "gold") continue;  // some rows are wrong
    EXPECT_NE(finding.severity, Severity::error) << finding.message << finding.example;
  }
  for (const SourceReport& source : report->sources) {
    if (source.stage != "tuned") continue;
    ASSERT_FALSE(source.rows.empty());
    std::string learned, read;
    for (const TokenView& token : source.rows[0].tokens)
      (token.is_trained ? learned : read) += token.text;
    EXPECT_EQ(learned, "a<|im_end|>");
    EXPECT_EQ(read,
              "<|im_start|>system\nHelp.<|im_end|>\n<|im_start|>user\nsay 0<|im_end|>\n"
              "<|im_start|>assistant\n");
  }
}

TEST_F(R1Parent, N2KilledRunsGoOnWithTheSameBits) {
  const std::string folder = path("parent"), whole = path("whole"), killed = path("killed");
  write_parent(folder, "qwen2");
  ASSERT_EQ(error_of(yaml(folder, whole)), "");
  for (const char* at : {"tuned/checkpoints", "zero/checkpoints", "kept/samples.jsonl"}) {
    const std::string recipe = yaml(folder, killed);
    const pid_t child = fork();
    if (child == 0) {
      Result<R1Summary> summary = go(recipe);
      _exit(summary ? 0 : 2);
    }
    while (!std::filesystem::exists(killed + "/stages/" + at) &&
           waitpid(child, nullptr, WNOHANG) == 0)
      usleep(500);
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
  }
  ASSERT_EQ(error_of(yaml(folder, killed)), "");
  for (const std::string& stage : stages())
    EXPECT_EQ(sha_of(whole, stage), sha_of(killed, stage)) << stage;
  // Blocks computed again for lack of memory give the same bits: nothing else depends on memory.
  Recipe file = *Recipe::parse(yaml(folder, killed), "r.yaml");
  R1Recipe recipe = *read_r1_recipe(file);
  const ModelConfig config = *read_parent_config(folder);
  const StageMemory roomy = stage_memory(recipe, recipe.stages[1], config, 1e12);
  EXPECT_FALSE(roomy.recomputes);
  const StageMemory tight = stage_memory(recipe, recipe.stages[1], config, roomy.total());
  EXPECT_TRUE(tight.recomputes);
  EXPECT_LT(tight.total(), roomy.total());
  EXPECT_TRUE(check_memory(tight, roomy.total()));
  Result<void> refused = check_memory(roomy, roomy.total() / 2);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("lower 'rows'"), std::string::npos);
}

TEST_F(R1Parent, N2WrongParentsAreRefusedInOneSentenceAndLeaveNothing) {
  const std::string good = path("good");
  write_parent(good, "qwen2");
  write_gguf(good, path("good.gguf"));
  const struct {
    const char* name;
    const char* says;
  } kWrong[] = {{"no-template", "has no chat template"},
                {"no-system", "takes no system message"},
                {"no-end", "nothing ends a reply"},
                {"bert", "'bert' is an encoder"},
                {"cut.gguf", "cut short"},
                {"damaged-template", "chat template"},
                {"no-weights", "safetensors"},
                {"nowhere", "no such file or folder"}};
  const std::string endless =
      "{% for m in messages %}{{ '\\n' + m.role + ': ' + m.content }}{% endfor %}"
      "{% if add_generation_prompt %}{{ '\\nassistant: ' }}{% endif %}";
  write_parent(path("no-template"), "qwen2", "");
  write_parent(path("no-system"), "qwen2",
               "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('System role "
               "not supported') }}{% endif %}{{ '<|im_start|>' + m.content + '<|im_end|>' }}"
               "{% endfor %}");
  write_parent(path("no-end"), "qwen2", endless, false);
  write_parent(path("damaged-template"), "qwen2", "{% for m in messages %}");
  std::filesystem::copy(good, path("bert"));
  write_text(path("bert/config.json"), "{\"model_type\": \"bert\", \"vocab_size\": 300}");
  std::filesystem::copy(good, path("no-weights"));
  std::filesystem::remove(path("no-weights/model.safetensors"));
  const std::string whole = *read_file(path("good.gguf"));
  write_text(path("cut.gguf"), whole.substr(0, whole.size() - 1000));
  for (const auto& [name, says] : kWrong) {
    SCOPED_TRACE(name);
    const std::string run = path(std::string("run-") + name);
    std::string recipe = yaml(path(name), run);
    if (std::string_view(name) == "no-system") {
      write_text(path("said.jsonl"),
                 "{\"messages\": [{\"role\": \"system\", \"content\": \"Be brief.\"}, {\"role\": "
                 "\"user\", \"content\": \"a\"}, {\"role\": \"assistant\", \"content\": \"b\"}]}\n"
                 "{\"messages\": [{\"role\": \"user\", \"content\": \"c\"}, {\"role\": "
                 "\"assistant\", \"content\": \"d\"}]}\n");
      recipe = "run: " + run +
               "\nevaluation: {sets: {}}\nstages:\n  a: {kind: sft, parent: " + path(name) +
               ", steps: 1, data: {said: {kind: file, path: " + path("said.jsonl") +
               ", held_out: 0}}}\n";
    }
    const std::string error = error_of(recipe);
    EXPECT_NE(error.find(says), std::string::npos) << error;
    EXPECT_EQ(error.find('\n'), std::string::npos) << error;
    EXPECT_FALSE(file_exists(run + "/plan.json"));
    // The folder is free for a recipe that works.
    EXPECT_EQ(
        error_of("run: " + run +
                 "\nevaluation: {sets: {}}\nstages:\n  a: {kind: sft, parent: " + good +
                 ", steps: 1, tokens: 64, data: {said: {kind: file, path: " + rows() + "}}}\n"),
        "");
  }
}

TEST_F(R1Parent, N2TheRecipeForRealModelsRuns) {
  const std::string folder = path("parent"), file = path("parent.gguf"), run = path("run");
  write_parent(folder, "llama");
  write_gguf(folder, file, "q8_0");
  Recipe recipe = *Recipe::read(std::string(WEIR_SOURCE_DIR) + "/recipes/tune-real.yaml");
  std::vector<std::string> sets = {"run=" + run,
                                   "evaluation.problems=2",
                                   "evaluation.reply_tokens=4",
                                   "evaluation.sets.mine.path=" + path("rows.jsonl"),
                                   "stages.before.parent=" + file,
                                   "stages.tuned.parent=" + file,
                                   "stages.rl.share=0",
                                   "stages.rl.steps=1",
                                   "stages.rl.reply_tokens=4"};
  for (const char* stage : {"before", "tuned", "rl"})
    sets.push_back(std::string("stages.") + stage + ".data.mine.path=" + path("rows.jsonl"));
  std::string rows;
  for (int i = 0; i < 40; ++i)
    rows += "{\"question\": \"a and " + std::to_string(i) + "\", \"answer\": \"<think>1</think>" +
            std::to_string(i + 1) + "\"}\n";
  write_text(path("rows.jsonl"), rows);
  EXPECT_EQ(error_of(recipe_yaml(recipe.root), sets), "");
  EXPECT_TRUE(file_exists(stage_file(run, "rl", "manifest.json")));
}

// Published files, where WEIR_REAL_MODELS names their folder.
TEST_F(R1Parent, N2RealGgufFilesAreParents) {
  const char* real = std::getenv("WEIR_REAL_MODELS");
  if (!real) GTEST_SKIP() << "WEIR_REAL_MODELS names no folder of real models";
  const struct {
    const char* file;
    const char* system;
  } kFiles[] = {{"smollm2-135m-instruct-q4_1.gguf",
                 "You are a helpful AI assistant named SmolLM, trained by Hugging Face"},
                {"qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
                 "You are Qwen, created by Alibaba Cloud. You are a helpful assistant."}};
  for (const auto& [name, system] : kFiles) {
    const std::string file = join_path(real, name), folder = path(name);
    if (!file_exists(file)) GTEST_SKIP() << file << " is not there";
    SCOPED_TRACE(name);
    Result<ModelTexts> texts = read_model_texts(file);
    ASSERT_TRUE(texts) << texts.error().message;
    Result<ModelConfig> config = read_parent_config(file);
    ASSERT_TRUE(config) << config.error().message;
    EXPECT_FALSE(config->rope.interleaved);
    const Tokenizer& tokenizer = texts->tokenizer;
    const ConversationFormat format = *make_format(tokenizer, texts->chat, file);
    const std::vector<Message> messages = {{Role::user, "What is 2+2?"},
                                           {Role::assistant, "4", "2 and 2", true}};
    const RenderedConversation rendered = *format.render(messages);
    std::string read, learned;
    for (size_t i = 0; i < rendered.tokens.size(); ++i)
      (rendered.trained[i] ? learned : read) += tokenizer.token_bytes(rendered.tokens[i]);
    EXPECT_EQ(read, std::string("<|im_start|>system\n") + system +
                        "<|im_end|>\n<|im_start|>user\nWhat is 2+2?<|im_end|>\n"
                        "<|im_start|>assistant\n");
    EXPECT_EQ(learned, "<think>\n2 and 2\n</think>\n\n4<|im_end|>");
    // The files of a stage say the same as the file does.
    ASSERT_TRUE(make_directories(folder));
    for (const auto& [file_name, content] : texts->files)
      write_text(join_path(folder, file_name), content);
    const ModelTexts again = *read_model_texts(folder);
    EXPECT_EQ(tokenizer_json(again.tokenizer), tokenizer_json(tokenizer));
    EXPECT_EQ(again.chat.source, texts->chat.source);
    EXPECT_EQ(again.chat.ends, texts->chat.ends);
    EXPECT_EQ(make_format(again.tokenizer, again.chat, folder)->render(messages)->tokens,
              rendered.tokens);
  }
}

}  // namespace
}  // namespace weir

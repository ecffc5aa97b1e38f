// `weir distill sample`: a teacher's replies as rows to tune a smaller model on. The teacher is a
// server or a model in this process.
#include <fmt/format.h>

#include <memory>
#include <optional>

#include "base/file.h"
#include "base/progress.h"
#include "base/sha256.h"
#include "base/stop_signal.h"
#include "base/text.h"
#include "chat/open_model.h"
#include "cli/commands.h"
#include "cli/shared_options.h"
#include "client/chat_api.h"
#include "distill/sample_teacher.h"
#include "pipeline/parent.h"
#include "stages/r1_recipe.h"
#include "tasks/problem_set.h"

namespace weir {
namespace {

struct DistillCommand {
  std::string data, verifier, recipe, stage, out;  // where questions come from; where rows go
  int problems = 1000;                             // at most
  std::string url, model, key_file, teacher;       // a server and its model; or a model's path
  std::string system, filter = "none", judge;
  int samples = 1, keep = 1, tokens = 1024, threads = 0;
  double agreement = 0.5, temperature = 0.7;
  int64_t seed = 1;
  bool no_thinking = false;
};

class StopOnSignals final : public Listener {
 public:
  bool on_token(const TokenEvent&) override { return true; }
  bool is_cancelled() override { return stop_requested(); }
};

Result<std::vector<Problem>> from_file(const DistillCommand& command) {
  Recipe section;
  section.path = "--data";
  section.root = Json::object();
  section.root.set("kind", "file");
  section.root.set("path", command.data);
  if (!command.verifier.empty()) section.root.set("verifier", command.verifier);
  const std::unique_ptr<ProblemSet> set = TRY(read_problem_set(OptionReader(section)));
  std::vector<Problem> problems;
  const int64_t count = set->count(Split::train);
  for (int64_t i = 0; i < std::min<int64_t>(count, command.problems); ++i)
    problems.push_back(TRY(set->make(1, Split::train, uint64_t(i))));
  return problems;
}

// Those that the stage of a recipe would be trained on.
Result<std::vector<Problem>> from_recipe(const DistillCommand& command) {
  const Recipe file = TRY(Recipe::read(command.recipe));
  const R1Recipe recipe = TRY(read_r1_recipe(file));
  const StageRecipe* stage =
      command.stage.empty() ? &recipe.stages.back() : recipe.find(command.stage);
  if (!stage) return Error{command.recipe + ": has no stage '" + printable(command.stage) + "'"};
  std::vector<Problem> problems;
  for (int64_t i = 0; i < command.problems; ++i)
    problems.push_back(TRY(stage->data.make(uint64_t(command.seed), Split::train, uint64_t(i))));
  return problems;
}

Json messages_of(const std::string& system, const std::vector<Message>& question) {
  Json messages = Json::array();
  const auto add = [&](const char* role, const std::string& content) {
    Json message = Json::object();
    message.set("role", role);
    message.set("content", content);
    messages.push(std::move(message));
  };
  const bool has_system = !question.empty() && question.front().role == Role::system;
  if (!system.empty() && !has_system) add("system", system);
  for (const Message& message : question) add(role_name(message.role), message.content);
  return messages;
}

Result<AskTeacher> server_teacher(const DistillCommand& command, const std::string& model,
                                  double temperature) {
  HttpUrl url = TRY_IN("--url", parse_http_url(command.url));
  std::string key = TRY(find_key(command.key_file));
  auto api = std::make_shared<ChatApi>(
      std::move(url), HttpClientOptions{.key = std::move(key), .is_cancelled = stop_requested});
  std::string name = model;
  if (name.empty()) {
    const ModelList list = TRY(api->models());
    if (list.names.empty())
      return Error{"the server names no model" +
                   (list.failure.empty() ? std::string() : " (" + list.failure + ")") +
                   "; give --model NAME"};
    name = list.names.front();
  }
  return AskTeacher([api, name, temperature, command](const std::vector<Message>& question,
                                                      uint64_t stream) -> Result<TeacherReply> {
    Json request = Json::object();
    request.set("model", name);
    request.set("messages", messages_of(command.system, question));
    request.set("temperature", temperature);
    request.set("max_tokens", command.tokens);
    request.set("seed", int64_t((uint64_t(command.seed) * 1'000'003 + stream) % (1 << 30)));
    ChatApiReply reply =
        TRY(api->ask(std::move(request), [](bool, const std::string&) { return true; }));
    return TeacherReply{std::string(trim(reply.answer)), std::string(trim(reply.thinking)),
                        reply.finish_reason == "length"};
  });
}

// What a teacher in this process is made of.
struct LocalTeacher {
  OpenModel open;
  std::unique_ptr<ModelTexts> texts;
  std::optional<ConversationFormat> format;
};

Result<AskTeacher> local_teacher(const DistillCommand& command) {
  auto local = std::make_shared<LocalTeacher>();
  GenerationSetup setup;
  setup.path = command.teacher;
  setup.options.threads = command.threads;
  local->texts = std::make_unique<ModelTexts>(TRY(read_model_texts(command.teacher)));
  local->format = TRY(make_format(local->texts->tokenizer, local->texts->chat, command.teacher));
  local->open = TRY(open_model(setup));
  return AskTeacher([local, command](const std::vector<Message>& question,
                                     uint64_t stream) -> Result<TeacherReply> {
    std::vector<Message> messages = question;
    if (!command.system.empty() && messages.front().role != Role::system)
      messages.insert(messages.begin(), {Role::system, command.system});
    Request request;
    request.prompt = TRY(local->format->prompt(messages));
    request.tokens_max = command.tokens;
    request.sampling.temperature = command.temperature;
    request.sampling.seed = uint64_t(command.seed);
    request.stream = stream;
    request.stop_ids = local->format->ends();
    StopOnSignals listener;
    const std::vector<Completion> done =
        TRY(local->open.generator->generate(std::span(&request, 1), &listener));
    const ParsedReply parsed = local->format->parse(done.front().tokens);
    return TeacherReply{parsed.answer, parsed.thinking,
                        done.front().reason == FinishReason::length};
  });
}

Result<Ending> distill_sample(const DistillCommand& command) {
  catch_stop_signals();
  if (command.url.empty() == command.teacher.empty())
    return Error{"give the teacher: --url of a server, or --teacher, a model's folder or file"};
  if (command.data.empty() == command.recipe.empty())
    return Error{"give the questions: --data FILE.jsonl, or --recipe with --stage"};
  if (command.filter == "judge" && command.url.empty())
    return Error{"--filter judge asks a server: give --url"};
  const std::vector<Problem> problems =
      command.data.empty() ? TRY(from_recipe(command)) : TRY(from_file(command));
  const AskTeacher teacher = command.url.empty()
                                 ? TRY(local_teacher(command))
                                 : TRY(server_teacher(command, command.model, command.temperature));
  SampleOptions options;
  options.out = command.out;
  options.samples = command.samples;
  options.keep = command.keep;
  options.agreement = command.agreement;
  options.with_thinking = !command.no_thinking;
  options.filter = command.filter == "verifier"    ? SampleFilter::verifier
                   : command.filter == "agreement" ? SampleFilter::agreement
                   : command.filter == "judge"     ? SampleFilter::judge
                                                   : SampleFilter::none;
  if (options.filter == SampleFilter::judge)
    options.judge =
        TRY(server_teacher(command, command.judge.empty() ? command.model : command.judge, 0));
  // What decides about a reply; not the filter, which may be changed and tried again.
  options.identity = sha256_hex(fmt::format("{}|{}|{}|{}|{}|{}|{}|{}", command.url, command.model,
                                            command.teacher, command.system, command.samples,
                                            command.tokens, command.temperature, command.seed));
  options.is_stopped = stop_requested;
  Progress progress("asking the teacher", double(problems.size()), "questions");
  options.on_progress = [&](size_t done, size_t all, const std::string& what) {
    if (!what.empty())
      fmt::print(stderr, "\nnote: {}\n", printable(what));
    else if (all > 0)
      progress.update(double(done));
  };
  const SampleReport report = TRY(sample_teacher(problems, teacher, options));
  if (report.is_stopped) {
    fmt::print("stopped; every reply so far is kept, the same command goes on\n");
    return Ending::done;
  }
  fmt::print("{}\nwritten to {}\n", report.text(), command.out);
  return Ending::done;
}

}  // namespace

void add_distill(CommandGroup& commands) {
  CommandGroup distill = commands.group("distill", "learn from a larger model");
  auto [c, o] = distill.add("sample", "write a teacher's replies as rows to tune on",
                            distill_sample, Writes::files);
  c.option("--out", o.out, "FILE.jsonl", "where the rows go").required();
  c.option("--data", o.data, "FILE.jsonl", "questions, in any form that weir reads");
  c.option("--verifier", o.verifier, "NAME", "of the answers in --data");
  c.option("--recipe", o.recipe, "FILE", "questions of a stage of a recipe of weir r1");
  c.option("--stage", o.stage, "NAME", "of --recipe [the last]");
  c.count("--problems", o.problems, 1, 10'000'000, "questions at most");
  c.option("--url", o.url, "URL", "a server with OpenAI's chat API");
  c.option("--model", o.model, "NAME", "of the server's models [its first]");
  c.option("--key-file", o.key_file, "FILE", "holds the server's key [WEIR_API_KEY]");
  c.option("--teacher", o.teacher, "MODEL", "a model in this process: folder or GGUF file");
  c.option("--system", o.system, "TEXT", "system message for the teacher, not kept");
  c.count("--samples", o.samples, 1, 64, "replies to each question");
  c.count("--keep", o.keep, 1, 64, "different replies of a question that are kept");
  c.choice("--filter", o.filter, {"none", "verifier", "agreement", "judge"},
           "what a reply must pass");
  c.value("--agreement", o.agreement, "SHARE", "of a question's replies with the same answer")
      .real_number(0, 1);
  c.option("--judge", o.judge, "NAME", "the server's model that judges [--model]");
  c.value("--temperature", o.temperature, "T", "of the teacher").real_number(0, 10);
  c.count("--tokens", o.tokens, 1, 1 << 20, "of a reply at most");
  c.value("--seed", o.seed, "N", "of the draws").whole_number(0, int64_t(1) << 53);
  c.flag("--no-thinking", o.no_thinking, "keep answers without the thinking");
  add_threads(c, o.threads);
}

}  // namespace weir

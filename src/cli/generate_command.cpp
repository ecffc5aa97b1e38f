#include "cli/generate_command.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include "base/json.h"
#include "base/progress.h"
#include "chat/open_model.h"
#include "cli/model_offers.h"
#include "cli/reply_printer.h"
#include "cli/standard_input.h"

namespace weir {
namespace {

Result<std::string> prompt_text(const GenerateOptions& options) {
  if (options.prompt) return *options.prompt;
  if (!options.prompt_file.empty()) {
    std::string text = TRY(read_text_input(options.prompt_file));
    if (!text.empty()) return text;
    return Error{(options.prompt_file == "-" ? "standard input" : options.prompt_file) +
                 ": holds no text; --prompt '' begins with nothing"};
  }
  std::string piped = TRY(read_piped_text());
  if (piped.empty())
    return Error{
        "there is no prompt; give --prompt TEXT or --prompt-file FILE, or pipe a text into the "
        "command (--prompt '' begins with nothing; weir chat talks)"};
  return piped;
}

// Prints what becomes certain of a single sample, and asks for the end after Ctrl-C.
class Printer : public ReplyListener {
 public:
  explicit Printer(bool prints) : ReplyListener(stop_requested), prints_(prints) {}
  bool on_token(const TokenEvent& event) override {
    hide_progress();
    if (prints_) print_now(event.text);
    return !ferror(stdout);
  }

 private:
  bool prints_;
};

void print_samples(const std::vector<Completion>& completions) {
  for (size_t i = 0; i < completions.size(); ++i)
    fmt::print("--- sample {} ({}) ---\n{}\n", i + 1, finish_reason_name(completions[i].reason),
               completions[i].text);
}

Json completion_json(const Completion& c) {
  Json j = Json::object();
  j.set("text", c.text);
  Json tokens = Json::array(), log_probabilities = Json::array();
  for (int token : c.tokens) tokens.push(token);
  for (float p : c.model_log_probabilities) log_probabilities.push(double(p));
  j.set("tokens", std::move(tokens));
  j.set("log_probabilities", std::move(log_probabilities));
  j.set("finish_reason", finish_reason_name(c.reason));
  if (c.reason == FinishReason::stop) j.set("stop", c.stop);
  return j;
}

void print_json(const GenerateOptions& options, const Request& request,
                const std::vector<Completion>& completions, const GenerateStatistics& statistics) {
  Json j = Json::object();
  j.set("model", options.folder);
  j.set("prompt_tokens", int64_t(request.prompt.size()));
  Json list = Json::array();
  int64_t tokens = 0;
  for (const Completion& c : completions) {
    list.push(completion_json(c));
    tokens += int64_t(c.tokens.size());
  }
  j.set("completions", std::move(list));
  j.set("completion_tokens", tokens);
  j.set("prefill_seconds", statistics.prefill_seconds);
  j.set("prefill_tokens_per_second", statistics.prefill_tokens_per_second());
  j.set("decode_seconds", statistics.decode_seconds);
  j.set("decode_tokens_per_second", statistics.decode_tokens_per_second());
  fmt::print("{}\n", j.dump());
}

// Decoding is measured without the first token of each sample, which comes with its prompt.
void print_speed(const std::vector<Completion>& completions, const GenerateStatistics& s) {
  size_t tokens = 0;
  for (const Completion& c : completions) tokens += c.tokens.size();
  fmt::print(stderr, "{} token{} in {:.2f} s", tokens, tokens == 1 ? "" : "s", s.decode_seconds);
  if (s.decoded_tokens > 0) fmt::print(stderr, ", {:.0f} tokens/s", s.decode_tokens_per_second());
  fmt::print(stderr, " (prompt: {} in {:.2f} s, {:.0f} tokens/s)\n", s.prompt_tokens,
             s.prefill_seconds, s.prefill_tokens_per_second());
}

}  // namespace

Result<Ending> generate(const GenerateOptions& options) {
  if (options.samples < 1 || options.samples > 4096)
    return Error{fmt::format("--samples must be in [1, 4096], not {}", options.samples)};
  TRY(validate(options.sampling));
  TRY(check_model_exists(options.folder));
  std::string text = TRY(prompt_text(options));
  OpenModel open = TRY(open_model({.path = options.folder,
                                   .cache = options.cache,
                                   .cache_limit_gib = options.cache_limit_gib,
                                   .threads = options.threads,
                                   .sequences_max = std::min(options.samples, 64),
                                   .exact = options.exact}));
  Request request;
  request.prompt = TRY(encode_prompt(open, text, options.allow_special));
  request.tokens_max = options.tokens;
  request.sampling = options.sampling;
  for (const std::string& stop : options.stops) request.stops.push_back(unescape(stop));
  if (!options.ignore_end) request.stop_ids = end_ids(open);
  std::vector<Request> requests(size_t(options.samples), request);
  for (size_t i = 0; i < requests.size(); ++i) requests[i].stream = i;

  catch_stop_signals();
  Printer printer(options.samples == 1 && !options.json);
  auto completions = TRY(open.generator->generate(requests, &printer));
  if (options.json)
    print_json(options, request, completions, open.generator->statistics());
  else if (options.samples > 1)
    print_samples(completions);
  else
    fmt::print("\n");
  fflush(stdout);
  if (!options.json) print_speed(completions, open.generator->statistics());
  return stop_requested() ? Ending::interrupted : Ending::done;
}

std::string unescape(const std::string& text) {
  std::string result;
  for (size_t i = 0; i < text.size(); ++i) {
    char next = text[i] == '\\' && i + 1 < text.size() ? text[i + 1] : 0;
    char plain = next == 'n' ? '\n' : next == 't' ? '\t' : next == '\\' ? '\\' : 0;
    result += plain ? plain : text[i];
    if (plain) ++i;
  }
  return result;
}

}  // namespace weir

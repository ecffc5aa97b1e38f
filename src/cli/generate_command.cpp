// `weir generate`: continues a prompt, once or several times, on standard output.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include <optional>

#include "base/json.h"
#include "base/stop_signal.h"
#include "base/text.h"
#include "chat/open_model.h"
#include "cli/commands.h"
#include "cli/model_flags.h"
#include "cli/model_offers.h"
#include "cli/output_form_flags.h"
#include "cli/reply_printer.h"
#include "cli/sampling_flags.h"
#include "cli/shared_options.h"
#include "cli/standard_input.h"
#include "tensor/table_reader.h"

namespace weir {
namespace {

struct GenerateOptions {
  std::string folder;
  std::optional<std::string> prompt;  // "": begin with an empty text
  std::string prompt_file;            // "-": standard input; without both: piped text
  int tokens = 256;
  SamplingOptions sampling = {.temperature = 0.8};
  SamplingTexts sampling_texts;
  std::vector<std::string> stops;  // with \n and \t as escapes
  int samples = 1;
  bool ignore_end = false;     // do not stop at the end-of-sequence token
  bool allow_special = false;  // control tokens in the prompt count as such
  ModelOptions model;
  bool json = false;
  OutputFormFlags form;
};

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

// Prints the final part of a single sample as it grows, and stops it after Ctrl-C.
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

Json top_json(const std::vector<std::vector<TokenLogProbability>>& tokens) {
  Json all = Json::array();
  for (const std::vector<TokenLogProbability>& top : tokens) {
    Json list = Json::array();
    for (const TokenLogProbability& entry : top) {
      Json j = Json::object();
      j.set("token", int64_t(entry.token));
      j.set("log_probability", double(entry.log_probability));
      list.push(std::move(j));
    }
    all.push(std::move(list));
  }
  return all;
}

Json completion_json(const Completion& c) {
  Json j = Json::object();
  j.set("text", c.text);
  Json tokens = Json::array(), log_probabilities = Json::array();
  for (int token : c.tokens) tokens.push(token);
  for (float p : c.model_log_probabilities) log_probabilities.push(double(p));
  j.set("tokens", std::move(tokens));
  j.set("log_probabilities", std::move(log_probabilities));
  if (!c.top_log_probabilities.empty())
    j.set("top_log_probabilities", top_json(c.top_log_probabilities));
  j.set("finish_reason", finish_reason_name(c.reason));
  if (c.reason == FinishReason::stop) j.set("stop", c.stop);
  return j;
}

Json expert_json(const ExpertCache::Statistics& s) {
  Json j = Json::object();
  j.set("chosen", s.chosen);
  j.set("found", s.found);
  j.set("looked_ahead", s.looked_ahead);
  j.set("looked_ahead_and_chosen", s.early);
  j.set("bytes_read", s.bytes_read);
  j.set("wait_seconds", s.wait_seconds);
  return j;
}

Json table_json(const TableReader::Statistics& s) {
  Json j = Json::object();
  j.set("rows", s.rows);
  j.set("distinct_rows", s.distinct);
  j.set("reads", s.reads);
  j.set("bytes_read", s.bytes_read);
  j.set("wait_seconds", s.wait_seconds);
  return j;
}

void print_json(const GenerateOptions& options, const Request& request,
                const std::vector<Completion>& completions, const GenerateStatistics& statistics,
                const Model& model) {
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
  j.set("prompt_tokens_from_cache", statistics.loaded_tokens);
  j.set("prefill_seconds", statistics.prefill_seconds);
  j.set("prefill_tokens_per_second", statistics.prefill_tokens_per_second());
  j.set("decode_seconds", statistics.decode_seconds);
  j.set("decode_tokens_per_second", statistics.decode_tokens_per_second());
  j.set("drafted_tokens", statistics.drafted_tokens);
  j.set("accepted_tokens", statistics.accepted_tokens);
  if (model.expert_cache()) j.set("experts", expert_json(model.expert_cache()->statistics()));
  if (model.table_reader()) j.set("ngram_tables", table_json(model.table_reader()->statistics()));
  fmt::print("{}\n", j.dump());
}

// Decoding is measured without the first token of each sample, which comes with its prompt.
void print_speed(const std::vector<Completion>& completions, const GenerateStatistics& s,
                 const Model& model) {
  size_t tokens = 0;
  for (const Completion& c : completions) tokens += c.tokens.size();
  fmt::print(stderr, "{} token{} in {:.2f} s", tokens, tokens == 1 ? "" : "s", s.decode_seconds);
  if (s.decoded_tokens > 0)
    fmt::print(stderr, ", {:.{}f} tokens/s", s.decode_tokens_per_second(),
               s.decode_tokens_per_second() < 10 ? 1 : 0);
  fmt::print(stderr, " (prompt: {} in {:.2f} s, {:.0f} tokens/s", s.prompt_tokens,
             s.prefill_seconds, s.prefill_tokens_per_second());
  if (s.drafted_tokens > 0)
    fmt::print(stderr, "; {} of {} guesses came true", s.accepted_tokens, s.drafted_tokens);
  if (s.loaded_tokens > 0) fmt::print(stderr, "; {} from the prefix cache", s.loaded_tokens);
  fmt::print(stderr, ")\n");
  if (const ExpertCache* experts = model.expert_cache()) {
    const ExpertCache::Statistics e = experts->statistics();
    fmt::print(stderr, "{} of {} chosen experts were in memory, {} were read from the disk\n",
               e.found, e.chosen, format_bytes(double(e.bytes_read)));
  }
  if (const TableReader* reader = model.table_reader()) {
    const TableReader::Statistics t = reader->statistics();
    fmt::print(
        stderr,
        "{} rows of n-grams, {} different ones of a pass, in {} reads of {}; {:.3f} s waited\n",
        t.rows, t.distinct, t.reads, format_bytes(double(t.bytes_read)), t.wait_seconds);
  }
}

// One sample is printed as it is made, several ones each as it is complete, in order. Speed goes to
// standard error.
Result<Ending> generate(const GenerateOptions& options) {
  if (options.samples < 1 || options.samples > 4096)
    return Error{fmt::format("--samples must be in [1, 4096], not {}", options.samples)};
  TRY(validate(options.sampling));
  TRY(check_model_exists(options.folder));
  OutputFormOption form = TRY(OutputFormOption::read(options.form));
  if (form.is_set() && options.ignore_end)
    return Error{"--ignore-end leaves out the end that a reply with a form needs; leave it out"};
  std::string text = TRY(prompt_text(options));
  OpenModel open = TRY(open_model({.path = options.folder,
                                   .options = options.model,
                                   .sequences_max = std::min(options.samples, 64),
                                   .warms_up = false}));
  Request request;
  request.prompt = TRY(encode_prompt(open, text, options.allow_special));
  request.tokens_max = options.tokens;
  request.sampling = options.sampling;
  TRY(resolve(options.sampling_texts, *open.tokenizer, request.sampling));
  for (const std::string& stop : options.stops) request.stops.push_back(unescape(stop));
  if (!options.ignore_end) request.stop_ids = end_ids(open);
  std::vector<Request> requests(size_t(options.samples), request);
  TRY(form.use(*open.tokenizer, request.stop_ids));
  std::vector<std::unique_ptr<TokenFilter>> filters;
  for (size_t i = 0; i < requests.size(); ++i) {
    requests[i].stream = i;
    filters.push_back(form.filter(request.prompt.size()));
    requests[i].token_filter = filters.back().get();
  }

  catch_stop_signals();
  Printer printer(options.samples == 1 && !options.json);
  auto completions = TRY(open.generator->generate(requests, &printer));
  if (options.json)
    print_json(options, request, completions, open.generator->statistics(), *open.model);
  else if (options.samples > 1)
    print_samples(completions);
  else
    fmt::print("\n");
  fflush(stdout);
  if (!options.json) print_speed(completions, open.generator->statistics(), *open.model);
  return stop_requested() ? Ending::interrupted : Ending::done;
}

}  // namespace

void add_generate(CommandGroup& commands) {
  auto [c, o] = commands.add("generate", "continue a text", generate);
  c.argument("FOLDER", o.folder, kModelWithTextHelp).required();
  const OptionBuilder prompt =
      c.option("--prompt", o.prompt, "TEXT",
               "text to continue; without it standard input is read, if it is piped");
  c.option("--prompt-file", o.prompt_file, "FILE",
           "read the prompt from a file; - is standard input")
      .excludes(prompt);
  c.count("--tokens", o.tokens, 1, 1 << 24, "maximum number of new tokens");
  add_sampling(c, o.sampling, o.sampling_texts);
  c.value("--top-logprobs", o.sampling.top_log_probabilities, "N",
          "with --json: list the N most probable tokens at every position")
      .whole_number(0, 20);
  c.option("--stop", o.stops, "TEXT", "stop before this text; \\n and \\t are escapes (repeatable)")
      .repeatable();
  c.count("--samples", o.samples, 1, 4096, "number of continuations, computed as one batch");
  c.flag("--ignore-end", o.ignore_end, "do not stop at end-of-text tokens");
  c.flag("--special", o.allow_special, "parse control tokens in the prompt");
  add_model_options(c, o.model);
  add_output_form(c, o.form);
  c.flag("--json", o.json, "print one JSON object about the texts instead of the text");
}

}  // namespace weir

// `weir complete`: writes what a model would put at a place in a file, which it sees from both
// sides.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include "base/file.h"
#include "base/stop_signal.h"
#include "base/text.h"
#include "chat/infill_prompt.h"
#include "chat/line_limits.h"
#include "chat/open_model.h"
#include "cli/commands.h"
#include "cli/file_place.h"
#include "cli/infill_flags.h"
#include "cli/model_flags.h"
#include "cli/model_offers.h"
#include "cli/reply_printer.h"
#include "cli/sampling_flags.h"
#include "cli/shared_options.h"
#include "cli/standard_input.h"
#include "text/unicode.h"
#include "tokenizer/end_names.h"

namespace weir {
namespace {

struct CompleteOptions {
  std::string folder;
  std::string place;
  std::vector<std::string> extra;
  int tokens = 128;
  int lines = 0;
  InfillFlags infill;
  SamplingOptions sampling = {.temperature = 0};
  SamplingTexts sampling_texts;
  ModelOptions model;
};

Result<std::string> read_source(const std::string& path) {
  std::string text = TRY(read_file(path, kInputBytesMax));
  if (text.find('\0') != text.npos || first_invalid_utf8(text) != text.npos)
    return Error{path + ": is no text in UTF-8; give a file of source code"};
  return text;
}

// What the file, the others and the place say.
Result<InfillText> read_hole(const CompleteOptions& options) {
  const FilePlace place = TRY(parse_file_place(options.place));
  const std::string source = TRY(read_source(place.path));
  const size_t offset = TRY(offset_of(place, source));
  InfillText text{.prefix = source.substr(0, offset),
                  .suffix = source.substr(offset),
                  .path = place.path,
                  .is_edited = true};
  for (const std::string& path : options.extra)
    text.files.push_back({path, TRY(read_source(path))});
  return text;
}

// Blanks that the line with the hole begins with.
int indent_of(const std::string& prefix) {
  const size_t begin = prefix.rfind('\n') + 1;
  const size_t end = std::min(prefix.find_first_not_of(" \t", begin), prefix.size());
  return int(end - begin);
}

// A reply that goes on with what follows the hole has filled it. What follows is the rest of the
// line, or else the next line that is not empty; "" where that says too little.
std::string stop_of(const std::string& suffix) {
  constexpr size_t kBytesMax = 1024;  // of StopScanner
  const size_t line = suffix.find('\n');
  if (line == suffix.npos) return "";
  size_t begin = 0, end = line + 1;
  if (suffix.find_first_not_of(" \t\r") >= line) {
    begin = line > 0 && suffix[line - 1] == '\r' ? line - 1 : line;
    end = suffix.find('\n', std::min(suffix.find_first_not_of(" \t\r\n"), suffix.size()));
    end = std::min(end, suffix.size());
  }
  const std::string stop = suffix.substr(begin, end - begin);
  return stop.size() > kBytesMax || trim(stop).empty() ? "" : stop;
}

class CompletionPrinter : public ReplyListener {
 public:
  // `begun`: bytes that the reply begins with and that are in the file already.
  CompletionPrinter(LineLimits limits, size_t begun)
      : ReplyListener(stop_requested), lines_(limits), begun_(begun) {}
  bool on_token(const TokenEvent& event) override {
    hide_progress();
    const size_t hidden = std::min(begun_, event.text.size());
    begun_ -= hidden;
    print_now(lines_.push(event.text.substr(hidden)));
    if (event.is_last) print_now(lines_.finish());
    return !lines_.found() && !ferror(stdout);
  }

 private:
  LineScanner lines_;
  size_t begun_;
};

Result<Ending> complete(const CompleteOptions& options) {
  TRY(validate(options.sampling));
  TRY(check_model_exists(options.folder));
  const InfillText text = TRY(read_hole(options));
  OpenModel open =
      TRY(open_model({.path = options.folder, .options = options.model, .warms_up = false}));
  if (!open.infill.exist())
    return Error{options.folder + ": the model cannot fill in the middle: its vocabulary has no " +
                 open.infill.missing + "; use a model made for code, such as Qwen2.5-Coder"};
  TRY(set_infill_order(options.infill.order, open.infill));
  const int room = open.generator->positions_max() - options.tokens;
  if (room < 1)
    return Error{fmt::format("--tokens {} leaves no room for the file: the context has {} tokens",
                             options.tokens, open.generator->positions_max())};
  InfillPrompt prompt = TRY(make_infill_prompt(*open.tokenizer, open.infill, text,
                                               {.prompt = room, .window = options.infill.window}));
  if (prompt.files_cut > 0)
    fmt::print(stderr, "note: the context has no room for {} of the files of --extra\n",
               prompt.files_cut);
  Request request;
  request.prompt = std::move(prompt.tokens);
  request.tokens_max = options.tokens;
  request.sampling = options.sampling;
  TRY(resolve(options.sampling_texts, *open.tokenizer, request.sampling));
  request.stop_ids = end_ids(open);
  add_ends(request.stop_ids, open.infill.ends);
  const std::string stop = stop_of(text.suffix);
  if (!stop.empty()) request.stops = {stop};
  HealingFilter filter(*open.tokenizer, request.prompt.size(), prompt.begun);
  request.token_filter = &filter;

  catch_stop_signals();
  LineLimits limits{.lines = options.lines};
  if (options.lines == 0) limits.indent = indent_of(text.prefix);
  CompletionPrinter printer(limits, prompt.begun.size());
  TRY(open.generator->generate({&request, 1}, &printer));
  fmt::print("\n");
  fflush(stdout);
  return stop_requested() ? Ending::interrupted : Ending::done;
}

}  // namespace

void add_complete(CommandGroup& commands) {
  auto [c, o] =
      commands.add("complete", "write the code that is missing at a place in a file", complete);
  c.argument("MODEL", o.folder, kModelWithTextHelp).required();
  c.argument("PLACE", o.place,
             "FILE:LINE or FILE:LINE:COLUMN, columns in characters from 1 [the end of the line]")
      .required();
  c.option("--extra", o.extra, "FILE",
           "further file that the model sees, the most important one last (repeatable)")
      .repeatable();
  c.count("--tokens", o.tokens, 1, 1 << 20, "maximum number of new tokens");
  c.count("--lines", o.lines, 0, 1 << 20,
          "maximum number of lines; 0: until one is indented less than the line of the place");
  add_infill(c, o.infill);
  add_sampling(c, o.sampling, o.sampling_texts);
  add_model_options(c, o.model);
}

}  // namespace weir

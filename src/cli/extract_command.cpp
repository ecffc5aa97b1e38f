// `weir extract`: fills a form (a JSON schema) from each document, with the source of each value.
#include <fmt/format.h>

#include <cstdio>
#include <optional>

#include "adapt/asker.h"
#include "base/atomic_output.h"
#include "base/json.h"
#include "base/progress.h"
#include "base/sha256.h"
#include "base/stop_signal.h"
#include "base/text.h"
#include "chat/open_model.h"
#include "cli/commands.h"
#include "cli/document_paths.h"
#include "cli/model_flags.h"
#include "cli/shared_options.h"
#include "documents/document_batch.h"
#include "extract/extraction.h"
#include "extract/result_rows.h"
#include "grammar/structured_output.h"

namespace weir {
namespace {

constexpr int kWindowTokensMin = 128;

struct ExtractCommand {
  std::string schema, model;
  std::vector<std::string> paths;
  std::string out, csv;
  int window = 2048, tokens = 1024;
  ModelOptions options;
};

// The model with its form: answers one question at a time.
class FormFiller {
 public:
  static Result<std::unique_ptr<FormFiller>> open(const ExtractCommand& command,
                                                  const Json& schema) {
    const OutputForm form{OutputKind::json_schema, schema.dump()};
    TRY_IN(command.schema, compile(form));  // before the model is loaded
    auto filler = std::unique_ptr<FormFiller>(new FormFiller(form, command.tokens));
    filler->open_ = TRY(open_model({.path = command.model,
                                    .options = command.options,
                                    .keeps_prefixes = true,
                                    .warms_up = false}));
    filler->asker_ = TRY(Asker::create(filler->open_, command.model, stop_requested));
    return filler;
  }

  // Text that cannot be encoded counts by its bytes.
  int count(const std::string& text) const {
    const Result<std::vector<int>> tokens = open_.tokenizer->encode(text);
    return int(tokens ? tokens->size() : text.size());
  }
  int positions_max() const { return open_.generator->positions_max(); }

  Result<std::string> answer(const ExtractionQuestion& question) {
    const Ask ask{
        .system = question.system, .text = question.text, .form = form_, .tokens_max = tokens_max_};
    const auto replies = TRY(asker_->ask(std::span(&ask, 1)));
    if (!replies) return Error{"stopped"};
    const AskReply& reply = (*replies)[0];
    if (!reply.is_whole)
      return Error{fmt::format(
          "the form is not complete after {} tokens; give --tokens more, or a smaller form",
          tokens_max_)};
    return reply.text;
  }

 private:
  FormFiller(OutputForm form, int tokens_max) : form_(std::move(form)), tokens_max_(tokens_max) {}

  const OutputForm form_;
  const int tokens_max_;
  OpenModel open_;
  std::unique_ptr<Asker> asker_;
};

struct ExtractCounts {
  size_t filled = 0, known = 0, failed = 0, unsupported = 0, values = 0;
};

class Extractor {
 public:
  Extractor(const ExtractCommand& command, Json schema, ResultRows rows, std::string schema_hash)
      : command_(command),
        schema_(std::move(schema)),
        rows_(std::move(rows)),
        schema_hash_(std::move(schema_hash)) {}

  Result<void> take(const Document& document) {
    const std::string hash = document_hash(document);
    if (rows_.is_done(document.name, hash)) {
      ++counts_.known;
      return {};
    }
    if (const Json* same = rows_.find(hash)) {
      Json row = *same;
      row.set("document", document.name);
      ++counts_.known;
      return add(std::move(row));
    }
    if (document.blocks.empty())
      return fail(document, hash,
                  document.notes.empty() ? "holds no text" : document.notes.front());
    // Finished documents need no model: a second run with nothing to do ends at once.
    if (!filler_) TRY(open_filler());
    ExtractionOptions options;
    options.window_tokens = window_;
    options.count_tokens = [this](const std::string& text) { return filler_->count(text); };
    Result<Extraction> extraction = extract_fields(
        document, schema_, options,
        [this](const ExtractionQuestion& question) { return filler_->answer(question); });
    if (stop_requested()) return {};
    if (!extraction) return fail(document, hash, extraction.error().message);
    ++counts_.filled;
    counts_.unsupported += extraction->unsupported.size();
    counts_.values += extraction->sources.size();
    return add(result_row(document, hash, schema_hash_, *extraction));
  }
  Result<void> fail(const Document& document, const std::string& hash, const std::string& error) {
    ++counts_.failed;
    fmt::print(stderr, "\n{}: {}\n", printable(document.name, 1000), printable(error, 1000));
    return add(failed_row(document, hash, schema_hash_, error));
  }
  void count_failed() { ++counts_.failed; }

  const ExtractCounts& counts() const { return counts_; }
  const ResultRows& rows() const { return rows_; }

 private:
  Result<void> open_filler() {
    filler_ = TRY(FormFiller::open(command_, schema_));
    // Instructions, form and reply share the context with the window.
    const int rest = filler_->count(schema_.dump()) + command_.tokens + 300;
    window_ = std::min(command_.window, filler_->positions_max() - rest);
    if (window_ < kWindowTokensMin)
      return Error{fmt::format(
          "the form and the reply take {} of the model's {} positions, which leaves too little for "
          "the document; give fewer --tokens or a smaller form",
          rest, filler_->positions_max())};
    return {};
  }
  Result<void> add(Json row) {
    if (command_.out.empty()) {
      fmt::print("{}\n", row.dump());
      fflush(stdout);
      if (ferror(stdout)) return Error{"standard output cannot be written"};
    }
    return rows_.add(std::move(row));
  }

  const ExtractCommand& command_;
  const Json schema_;
  ResultRows rows_;
  const std::string schema_hash_;
  std::unique_ptr<FormFiller> filler_;
  int window_ = 0;
  ExtractCounts counts_;
};

Result<Ending> extract(const ExtractCommand& command) {
  const Json wanted = TRY(read_json_file(command.schema, {.bytes = size_t(1) << 20}));
  Json schema = TRY_IN(command.schema, fillable_schema(wanted));
  const std::vector<std::string> paths = TRY(find_documents(command.paths));
  const std::string schema_hash = sha256_hex(wanted.dump()).substr(0, 16);
  ResultRows rows = TRY(ResultRows::open(command.out, schema_hash));
  catch_stop_signals();
  Extractor extractor(command, std::move(schema), std::move(rows), schema_hash);
  ThreadPool pool(1);  // for reading; the model has its own
  Progress progress("extract", double(paths.size()), "files");
  size_t read = 0;
  DocumentBatchEvents events;
  events.on_document = [&](const Document& document) -> Result<void> {
    progress.update(double(read), printable(document.name));
    if (stop_requested()) return {};
    return extractor.take(document);
  };
  events.on_error = [&](const std::string&, const Error& error) {
    extractor.count_failed();
    fmt::print(stderr, "\n{}\n", error.message);
    return true;
  };
  events.on_file = [&](size_t files, uint64_t) { progress.update(double(read = files)); };
  TRY(read_document_files(paths, DocumentLimits(), pool, events));
  const ExtractCounts& counts = extractor.counts();
  const bool is_stopped = stop_requested();
  if (!is_stopped) progress.finish();
  fmt::print(stderr,
             "{} documents filled in, {} were known, {} failed; {} of {} values do not occur in "
             "their document{}\n",
             counts.filled, counts.known, counts.failed, counts.unsupported, counts.values,
             is_stopped && !command.out.empty() ? "; the same command goes on from here" : "");
  if (!command.csv.empty())
    TRY(write_file_atomic(command.csv, csv_of_rows(extractor.rows().rows())));
  if (is_stopped) return Ending::interrupted;
  if (counts.failed > 0)
    return Error{fmt::format("{} documents could not be filled in", counts.failed)};
  return Ending::done;
}

}  // namespace

void add_extract(CommandGroup& commands) {
  auto [c, o] = commands.add("extract", "fill a JSON schema from each document", extract);
  c.argument("SCHEMA", o.schema, "the form: a JSON schema with properties").required();
  c.argument("FILES", o.paths, kDocumentPathsHelp).required();
  c.option("--model", o.model, "MODEL", kModelWithTextHelp).required();
  c.option("--out", o.out, "FILE",
           "JSON lines, one a document; a later run continues the file [standard output]")
      .ends_with(".jsonl", "results are JSON lines");
  c.option("--csv", o.csv, "FILE", "write all results as a table, too");
  c.count("--window", o.window, kWindowTokensMin, 1 << 20,
          "tokens of a document that the model reads at once");
  c.count("--tokens", o.tokens, 16, 1 << 20, "tokens of a filled form, at most");
  add_model_options(c, o.options);
}

}  // namespace weir

// weir adapt: from documents to a bot that answers from them (docs/adapt.md).
#include <fmt/format.h>

#include "adapt/adapt_run.h"
#include "base/file.h"
#include "base/stop_signal.h"
#include "base/text.h"
#include "base/thread_pool.h"
#include "cli/commands.h"
#include "cli/document_paths.h"
#include "cli/model_offers.h"
#include "cli/shared_options.h"

namespace weir {
namespace {

struct AdaptCommand {
  AdaptOptions options;
  std::vector<std::string> documents;
};

Result<Ending> adapt(const AdaptCommand& command) {
  AdaptOptions options = command.options;
  TRY(check_model_exists(options.base));
  if (!options.questions.empty() && !file_exists(options.questions))
    return Error{options.questions + ": no such file; --questions is a file of JSON lines"};
  const DocumentFiles found = TRY(find_document_files(command.documents));
  options.files = found.files;
  options.folders = found.folders;
  if (options.name.empty()) options.name = base_name(options.out);
  catch_stop_signals();
  ThreadPool pool(options.threads);
  const AdaptSummary summary = TRY(run_adapt(options, pool));
  if (summary.is_stopped) {
    fmt::print(stderr, "stopped; everything is saved in {}, the same command goes on\n",
               options.out);
    return Ending::interrupted;
  }
  fmt::print("{}\nthe report is {}\nserve it: weir serve {}\n", summary.table,
             join_path(options.out, "report.html"), options.out);
  return Ending::done;
}

}  // namespace

void add_adapt(CommandGroup& commands) {
  auto [c, o] =
      commands.add("adapt", "make a bot that answers from your documents", adapt, Writes::files);
  c.argument("DOCUMENT", o.documents, "files and folders (docs/documents.md)", "...").required();
  c.option("--base", o.options.base, "MODEL", kModelWithTextHelp).required();
  c.option("--out", o.options.out, "DIR", "folder of the bot; the same one resumes").required();
  c.option("--name", o.options.name, "NAME", "name of the bot [that of the folder]");
  c.value("--minutes", o.options.minutes, "X", "time budget of all stages together")
      .real_number(0.1, 100000);
  c.option("--questions", o.options.questions, "FILE",
           "further questions for the evaluation, as JSON lines with question and answer; an empty "
           "answer: the documents have none");
  c.value("--evaluated", o.options.evaluated, "N", "made questions of the evaluation, at most")
      .whole_number(1, 10000);
  c.value("--sentences", o.options.sentences, "N", "sentences of a chunk that are asked about")
      .whole_number(1, 20);
  c.value("--sources", o.options.sources, "N",
          "chunks shown with a question, cut down to what fits it best")
      .whole_number(1, 20);
  c.value("--rank", o.options.rank, "N", "rank of the adapter").whole_number(1, 64);
  c.value("--epochs", o.options.epochs, "X", "passes over the questions, at most")
      .real_number(0.01, 1000);
  c.value("--lr", o.options.lr, "X", "learning rate").real_number(0, 10);
  c.value(
       "--error-rate", o.options.error_rate, "X",
       "share of made questions without their document that may be answered; 0: the threshold of "
       "hand-written questions")
      .real_number(0, 0.5);
  c.value("--seed", o.options.seed, "N", "of the order of chunks and rows")
      .whole_number(0, int64_t(1) << 53);
  add_threads(c, o.options.threads);
}

}  // namespace weir

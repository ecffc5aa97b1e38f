// `weir guard bank` and `weir guard train`: labelled rows, and heads from them
// (docs/guard-heads.md).
#include <fmt/format.h>

#include <optional>

#include "base/atomic_output.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/progress.h"
#include "base/stop_signal.h"
#include "base/text.h"
#include "cli/bank_choice.h"
#include "cli/guard_commands.h"
#include "cli/model_offers.h"
#include "cli/shared_options.h"
#include "heads/train_heads.h"

namespace weir {
namespace {

struct BankCommand {
  BankChoice choice;
  std::string out;
};

Result<Ending> write_bank(const BankCommand& o) {
  const std::vector<BankItem> bank = TRY(chosen_bank(o.choice));
  std::string rows;
  for (const BankItem& item : bank) rows += bank_row(item) + "\n";
  if (o.out.empty()) {
    fmt::print("{}", rows);
    return Ending::done;
  }
  TRY(write_file_atomic(o.out, rows));
  fmt::print(stderr, "{}: {} requests and as many look-alikes\n", o.out, bank.size() / 2);
  return Ending::done;
}

struct GuardTrainCommand {
  std::string model, data, out, pooling = "last";
  std::vector<int> blocks;
  double held_out = 0.3, false_positives = 0.01;
  int threads = 0;
  int64_t seed = 1;
};

double number_at(const Json& json, const char* key) {
  const auto number = json.double_at(key);
  return number ? *number : 0;
}

void print_part(const char* name, const ProbeWeights& part) {
  if (part.weights.empty()) return;
  fmt::print("{}: ", name);
  for (const Json& one : part.report.find("blocks")->items())
    fmt::print("block {:.0f} AUC {:.3f}, ", number_at(one, "block"), number_at(one, "auc"));
  fmt::print(
      "taken {}\n  {:.0f} rows trained, {:.0f} held out; AUC {:.3f}; at {:.1f} % false positives "
      "the threshold is {:.3f} and the recall {:.1f} %; {:.1f} % get the right category\n",
      part.block, number_at(part.report, "rows"), number_at(part.report, "held_out"),
      number_at(part.report, "auc"), part.false_positives * 100, part.threshold,
      number_at(part.report, "recall") * 100, number_at(part.report, "category_right") * 100);
}

Result<Ending> guard_train(const GuardTrainCommand& o) {
  TRY(check_model_exists(o.model));
  const std::vector<LabelledRow> rows = TRY(read_labelled_rows(o.data));
  catch_stop_signals();
  GenerationSetup setup;
  setup.path = o.model;
  setup.options.threads = o.threads;
  setup.warms_up = false;
  const OpenModel open = TRY(open_model(setup));
  const ChatForm form = TRY(ChatForm::choose(open, o.model, {}));
  HeadTraining training;
  training.held_out = o.held_out;
  training.false_positives = o.false_positives;
  training.blocks = o.blocks;
  training.seed = uint64_t(o.seed);
  training.states = o.out + ".states";
  if (o.pooling == "both") training.pooling = StatePooling::both;
  if (o.pooling == "mean") training.pooling = StatePooling::mean;
  training.is_stopped = stop_requested;
  const int64_t begin = monotonic_ns();
  std::optional<Progress> progress;
  progress.emplace("reading hidden states", double(rows.size()), "rows");
  training.on_progress = [&](size_t done, size_t all) {
    progress->update(double(done));
    if (done == all) progress.reset();
  };
  const TrainedHeads trained =
      TRY_IN(o.data, train_heads(open, form, base_name(o.model), rows, training));
  if (trained.is_stopped) {
    progress.reset();
    fmt::print(stderr, "stopped; the same command goes on from {}\n", training.states);
    return Ending::interrupted;
  }
  TRY(write_probes(o.out, trained.file));
  print_part("prompts", trained.file.prompt);
  print_part("answers", trained.file.answer);
  fmt::print("{}: heads for {} categories, in {}\n", o.out, trained.file.categories.size(),
             format_seconds(double(monotonic_ns() - begin) * 1e-9));
  return Ending::done;
}

}  // namespace

void add_guard_bank(CommandGroup& group) {
  auto [c, o] =
      group.add("bank", "the red team's requests, as labelled rows", write_bank, Writes::output);
  add_bank_choice(c, o.choice);
  c.option("--out", o.out, "FILE", "a file of JSON lines [standard output]");
}

void add_guard_train(CommandGroup& group) {
  auto [c, o] =
      group.add("train", "heads for a model, from labelled rows", guard_train, Writes::files);
  c.argument("MODEL", o.model, kModelWithTextHelp).required();
  c.option("--data", o.data, "FILE",
           "JSON lines with 'text' or 'messages', and 'labels' (docs/guard-heads.md)")
      .required();
  c.option("--out", o.out, "FILE", "the heads, a .safetensors file")
      .required()
      .ends_with(".safetensors", "heads are a safetensors file");
  c.choice("--pooling", o.pooling, {"last", "mean", "both"},
           "read the last token's hidden state, the mean of all tokens', or both");
  c.option("--blocks", o.blocks, "N,N", "blocks of the model to choose from [some of the later]")
      .comma_separated();
  c.value("--held-out", o.held_out, "X", "share of the rows' groups that is held out")
      .real_number(0.05, 0.9);
  c.value("--false-positives", o.false_positives, "X",
          "share of harmless held-out rows at the threshold")
      .real_number(0, 0.5);
  c.value("--seed", o.seed, "N", "of the division into trained and held-out rows")
      .whole_number(0, int64_t(1) << 53);
  add_threads(c, o.threads);
}

}  // namespace weir

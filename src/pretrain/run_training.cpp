#include "pretrain/run_training.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "base/atomic_output.h"
#include "base/progress.h"
#include "base/sha256.h"
#include "base/stop_signal.h"
#include "base/terminal.h"
#include "base/text.h"
#include "config/engram.h"
#include "config/size.h"
#include "pretrain/continue_run.h"
#include "pretrain/model_setup.h"
#include "pretrain/run_folder.h"
#include "pretrain/run_loop.h"
#include "pretrain/showcase.h"
#include "pretrain/trainer.h"
#include "pretrain/validation.h"
#include "report/training_report.h"
#include "tokenizer/token_classes.h"
#include "tokenizer/tokenizer_json.h"
#include "train/training_memory.h"

namespace weir {
namespace {

using Facts = std::vector<std::pair<std::string, std::string>>;

// Everything that is decided before the first step.
struct Prepared {
  RunFolder folder;
  std::optional<CheckpointState> resumed;
  Tokenizer tokenizer;
  Dataset dataset;
  ModelConfig config;
  size_t documents = 0, bytes = 0;
  std::string data_sha256 = {}, tokenizer_source_sha256 = {}, tokenizer_sha256 = {};
};

// A new run learns or reads its tokenizer; a continued one uses the one in its folder.
Result<Tokenizer> find_tokenizer(const TrainRecipe& recipe, const RunFolder& folder,
                                 const std::optional<CheckpointState>& resumed,
                                 const Corpus& corpus, ThreadPool& pool) {
  if (!resumed) return make_tokenizer(recipe, corpus, pool);
  TRY(check_same_file(folder, "tokenizer.json", resumed->tokenizer_sha256));
  return read_tokenizer(folder.path());
}

// Cheap questions first, so that a mistake is answered before minutes of tokenizing.
Result<Prepared> prepare(const TrainRecipe& recipe, ThreadPool& pool) {
  TRY(check_model_section(recipe));
  Corpus corpus = TRY(read_corpus(corpus_options(recipe)));
  std::string source = TRY(tokenizer_source_sha256(recipe));
  RunFolder folder = TRY(RunFolder::open(recipe.run));
  std::optional<CheckpointState> resumed = TRY(folder.newest());
  if (resumed) TRY(check_same_run(folder, *resumed, recipe, corpus.sha256));
  Tokenizer tokenizer = TRY(find_tokenizer(recipe, folder, resumed, corpus, pool));
  for (const std::string& prompt : recipe.samples.prompts)
    TRY_IN("samples.prompts", tokenizer.encode(prompt));
  const Vocabulary vocabulary{tokenizer.size(), tokenizer.bos(), tokenizer.eos()};
  ModelConfig config = TRY(make_config(recipe, vocabulary));
  const int64_t rows = int64_t(recipe.micro_windows()) * recipe.data.sequence_length;
  TRY(check_memory(training_memory(config, rows, recipe.recompute), available_memory()));
  Dataset dataset =
      TRY_IN("data", Dataset::build(corpus, tokenizer, dataset_options(recipe), pool));
  Prepared prepared{
      std::move(folder),       std::move(resumed), std::move(tokenizer), std::move(dataset), config,
      corpus.documents.size(), corpus.bytes};
  prepared.data_sha256 = corpus.sha256;
  prepared.tokenizer_source_sha256 = std::move(source);
  return prepared;
}

// What a new run leaves beside its checkpoints; a continued one finds it and only renews the
// recipe.
Result<void> write_folder(const TrainRecipe& recipe, const Prepared& p) {
  if (!p.resumed) {
    TRY(write_file_atomic(p.folder.file("config.json"), config_text(p.config)));
    TokenizerConfigOptions options;
    options.model_max_length = p.config.max_position_embeddings;
    TRY(write_tokenizer(p.tokenizer, p.folder.path(), options));
  }
  return write_file_atomic(p.folder.file("recipe.yaml"), recipe_yaml(recipe_json(recipe)));
}

Facts collect_facts(const TrainRecipe& recipe, const Prepared& p, const ThreadPool& pool) {
  const int64_t rows = int64_t(recipe.micro_windows()) * recipe.data.sequence_length;
  const double memory = training_memory(p.config, rows, recipe.recompute).total();
  const bool is_learned = recipe.tokenizer.path.empty() && recipe.tokenizer.kind == "bpe";
  Facts facts;
  facts.emplace_back("model", size_words(p.config));
  if (p.config.n_routed_experts > 0)
    facts.emplace_back("experts",
                       fmt::format("{} of {} per token, {} shared", p.config.num_experts_per_tok,
                                   p.config.n_routed_experts, p.config.n_shared_experts));
  facts.emplace_back(
      "data",
      fmt::format("{} in {} documents; {} tokens to train on, {} held out; "
                  "vocabulary of {}",
                  format_bytes(double(p.bytes)), p.documents,
                  format_count(double(p.dataset.training_tokens())),
                  format_count(double(p.dataset.validation_tokens())), p.tokenizer.size()) +
          (is_learned ? vocabulary_note(p.tokenizer.size(), recipe.tokenizer.vocab_size) : ""));
  facts.emplace_back("step",
                     fmt::format("{} windows of {} tokens, {} at a time", recipe.batch.windows,
                                 recipe.data.sequence_length, recipe.micro_windows()));
  facts.emplace_back("memory", fmt::format("about {} of {} free", format_bytes(memory),
                                           format_bytes(available_memory())));
  facts.emplace_back("machine",
                     fmt::format("{} threads, {} kernels", pool.threads(), kernels().name));
  return facts;
}

class TrainingLoop final : public RunLoop {
 public:
  TrainingLoop(const TrainRecipe& recipe, const Prepared& prepared, Model& model, Trainer& trainer,
               ThreadPool& pool, MetricsLog log)
      : RunLoop(recipe.checkpoint_every),
        recipe_(recipe),
        p_(prepared),
        model_(model),
        trainer_(trainer),
        pool_(pool),
        log_(std::move(log)),
        progress_("training", double(recipe.steps), "steps") {
    continue_after(trainer.step());
    summary_.folder = p_.folder.path();
    summary_.steps = recipe.steps;
    report_.title = base_name(p_.folder.path());
    report_.metrics_path = p_.folder.file("metrics.jsonl");
    report_.recipe = recipe_json(recipe);
    report_.facts = collect_facts(recipe, p_, pool);
  }

  Result<TrainSummary> run() {
    show_facts();
    progress_.start_at(double(step()));
    summary_.stopped = TRY(run_steps(recipe_.steps));
    if (summary_.stopped) {
      write_current_report();  // of what was done so far
    } else {
      progress_.finish();
      TRY(finish());
    }
    summary_.step = step();
    summary_.seconds = trainer_.state().seconds;
    return summary_;
  }

 private:
  Result<bool> advance() override {
    StepMetrics metrics = TRY(trainer_.advance());
    summary_.loss = metrics.loss;
    const bool evaluated = is_due(recipe_.evaluate_every) && evaluate_into(metrics);
    if (evaluated || is_due(recipe_.log_every)) TRY(log_.append(metrics));
    progress_.update(double(metrics.step), detail(metrics));
    if (evaluated) write_current_report();
    return true;
  }

  // After the trainer's newest step.
  bool is_due(int64_t every) const {
    return trainer_.step() % every == 0 || trainer_.step() == recipe_.steps;
  }

  // False when a stop was requested.
  bool evaluate_into(StepMetrics& metrics) {
    std::optional<Evaluation> result = evaluate(model_, p_.dataset, recipe_.evaluation.windows,
                                                recipe_.micro_windows(), trainer_.arena(), pool_);
    if (!result) return false;
    metrics.validation_loss = summary_.validation_loss = result->loss;
    metrics.bits_per_byte = summary_.bits_per_byte = result->bits_per_byte;
    return true;
  }

  std::string detail(const StepMetrics& m) const {
    std::string text = fmt::format("loss {:.4f}  lr {:.2e}  |g| {:.2f}  {} tokens/s", m.loss, m.lr,
                                   m.grad_norm, format_count(m.tokens_per_second));
    if (summary_.validation_loss > 0)
      text += fmt::format("  held-out {:.4f}", summary_.validation_loss);
    return text;
  }

  Result<void> save() override {
    CheckpointState state = trainer_.state();
    state.recipe = report_.recipe;
    state.data_sha256 = p_.data_sha256;
    state.tokenizer_source_sha256 = p_.tokenizer_source_sha256;
    state.tokenizer_sha256 = p_.tokenizer_sha256;
    state.config_sha256 = sha256_hex(config_text(p_.config));
    return p_.folder.save(trainer_.learner(), std::move(state), recipe_.keep_checkpoints);
  }

  // A report that can not be written is no reason to stop training.
  void write_current_report() {
    if (Result<void> written = write_report(p_.folder.file("report.html"), report_); !written)
      write_stderr(fmt::format("warning: {}\n", written.error().message));
  }

  Result<void> finish() {
    if (!stop_requested())
      report_.samples = TRY(generate_samples(recipe_, model_, p_.tokenizer, pool_));
    for (const auto& [prompt, continuation] : report_.samples)
      write_stderr(fmt::format("--- {}\n{}\n", prompt, continuation));
    write_current_report();
    return {};
  }

  void show_facts() const {
    for (const auto& [name, text] : report_.facts)
      write_stderr(fmt::format("{:<8} {}\n", name, text));
    const std::string begin =
        p_.resumed ? fmt::format("continues after step {}", step()) : "begins";
    write_stderr(fmt::format("{:<8} {} {}; {} steps, a checkpoint every {}\n", "run",
                             p_.folder.path(), begin, recipe_.steps, recipe_.checkpoint_every));
    write_stderr(fmt::format("{:<8} {}, written every {} steps and when the run stops\n", "report",
                             p_.folder.file("report.html"),
                             std::min(recipe_.evaluate_every, recipe_.steps)));
  }

  const TrainRecipe& recipe_;
  const Prepared& p_;
  Model& model_;
  Trainer& trainer_;
  ThreadPool& pool_;
  MetricsLog log_;
  Progress progress_;
  ReportInput report_;
  TrainSummary summary_;
};

// Of a model whose memory of n-grams counts tokens by classes.
Result<void> set_token_classes(const Tokenizer& tokenizer, Model& model) {
  const ModelConfig& config = model.config();
  if (!engram_folds_tokens(config)) return {};
  const TokenClasses classes = token_classes(tokenizer);
  if (classes.count != config.engram_compressed_vocab_size)
    return Error{fmt::format(
        "model: 'engram_compressed_vocab_size' is {}, but the tokenizer has {} classes of tokens; "
        "state that number, or {}, the vocabulary, for tokens as they are",
        config.engram_compressed_vocab_size, classes.count, config.vocab_size)};
  model.set_token_classes(classes.of_token);
  return {};
}

}  // namespace

Result<TrainSummary> run_training(const TrainRecipe& recipe, ThreadPool& pool) {
  Prepared prepared = TRY(prepare(recipe, pool));
  if (prepared.resumed &&
      prepared.resumed->config_sha256 != sha256_hex(config_text(prepared.config)))
    return Error{
        fmt::format("{} was begun with another model configuration than 'model' describes now; "
                    "restore it or choose another 'run'",
                    recipe.run)};
  TRY(write_folder(recipe, prepared));
  prepared.tokenizer_sha256 = TRY(sha256_file(prepared.folder.file("tokenizer.json")));
  std::unique_ptr<Model> model = Model::create(prepared.config, true);
  Trainer trainer(recipe, *model, prepared.dataset, pool);
  if (prepared.resumed) {
    const int64_t step = prepared.resumed->step;
    TRY(load_checkpoint(prepared.folder.checkpoint(step), *model, trainer.optimizer()));
    trainer.resume(*prepared.resumed);
    TRY(prepared.folder.publish(step, recipe.keep_checkpoints));
  } else {
    model->initialize(uint64_t(recipe.seed));
    TRY(set_token_classes(prepared.tokenizer, *model));
  }
  model->pack(pool);
  MetricsLog log = TRY(MetricsLog::open(prepared.folder.file("metrics.jsonl"), trainer.step()));
  return TrainingLoop(recipe, prepared, *model, trainer, pool, std::move(log)).run();
}

}  // namespace weir

#include "stages/stage_memory.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/text.h"
#include "chat/generator.h"
#include "config/size.h"
#include "stages/drawing.h"
#include "stages/stage_model.h"

namespace weir {
namespace {

constexpr double kShare = 0.9;        // of what is available
constexpr int kSequencesMax = 512;    // drawn together
constexpr int kPromptEstimate = 256;  // tokens
constexpr int kLogitsRows = 128;      // at a time, of a large vocabulary (ops/loss.cpp)

}  // namespace

int sequences_together(const GrpoRecipe& grpo) {
  return std::min(grpo.prompts * grpo.group, kSequencesMax);
}

std::string StageMemory::text() const {
  std::string parts;
  const std::pair<const char*, double> all[] = {
      {"weights", weights},         {"gradients and moments", learning},
      {"packed copies", panels},    {"activations", activations},
      {"rounded weights", rounded}, {"cache of replies", cache}};
  for (const auto& [name, bytes] : all)
    if (bytes > 0)
      parts += fmt::format("{}{} {}", parts.empty() ? "" : ", ", name, format_bytes(bytes));
  return fmt::format("{}: {}{}", format_bytes(total()), parts,
                     recomputes ? "; blocks are computed again for gradients" : "");
}

namespace {

// Numbers of an adapter: its weights, packed for both products, gradients and two moments.
constexpr double kAdapterCopies = 6;
// More activations are computed again: a forward pass over quantized weights costs little.
constexpr double kAdapterActivations = double(size_t(512) << 20);

// The base is memory-mapped, and where it is quantized its repacked copy takes as much.
StageMemory adapter_memory(const R1Recipe& recipe, const StageRecipe& stage,
                           const ModelConfig& config) {
  StageMemory memory;
  memory.weights = stored_bytes_of(recipe.base);
  // A reference has its own repacked copy of the base, and its adapter.
  const double models = stage.kind == StageKind::grpo && stage.grpo.kl_weight > 0 ? 2 : 1;
  memory.panels = models * memory.weights;
  if (const auto numbers = lora_numbers(config, *recipe.adapter))
    memory.learning = models * kAdapterCopies * sizeof(float) * double(*numbers);
  memory.activations = training_memory(config, recipe.rows, false).activations;
  memory.recomputes = memory.activations > kAdapterActivations;
  if (memory.recomputes)
    memory.activations = training_memory(config, recipe.rows, true).activations;
  memory.activations += double(kLogitsRows) * config.vocab_size * sizeof(float);
  if (stage.kind == StageKind::grpo)
    memory.cache = std::min(
        double(EngineOptions().cache_bytes_max),
        inference_memory(config, 4, kPromptEstimate + stage.grpo.reply_tokens, false).cache *
            sequences_together(stage.grpo));
  return memory;
}

}  // namespace

StageMemory stage_memory(const R1Recipe& recipe, const StageRecipe& stage,
                         const ModelConfig& config, double available) {
  if (recipe.adapter) return adapter_memory(recipe, stage, config);
  StageMemory memory;
  // Judges and the reference only read.
  std::set<std::string> judges;
  for (const auto& [name, part] : stage.grpo.rewards)
    if (part.has_reward_model()) judges.insert(part.model);
  const double readers = double(judges.size()) + (stage.grpo.kl_weight > 0 ? 1 : 0);
  const InferenceMemory reader =
      inference_memory(config, 4, kPromptEstimate + stage.grpo.reply_tokens, false);
  for (const bool recomputes : {false, true}) {
    const TrainingMemory training = training_memory(config, recipe.rows, recomputes);
    memory.weights = training.weights + readers * reader.weights;
    memory.learning = training.gradients + training.moments;
    memory.panels = training.panels + readers * reader.panels;
    memory.activations = training.activations;
    memory.recomputes = recomputes;
    if (stage.kind == StageKind::grpo) memory.rounded = rounded_bytes(stage.grpo, config);
    const bool draws =
        stage.kind == StageKind::grpo ||
        (stage.kind == StageKind::distill && stage.distill.source == DistillSource::student);
    if (draws)
      memory.cache = std::min(double(EngineOptions().cache_bytes_max),
                              reader.cache * sequences_together(stage.grpo));
    if (available <= 0 || memory.total() < kShare * available) break;
  }
  return memory;
}

Result<void> check_memory(const StageMemory& memory, double available) {
  if (available <= 0 || memory.total() <= available) return {};
  return Error{fmt::format(
      "needs {} and {} are available; lower 'rows' (of a micro-batch), end other programs, or take "
      "a smaller model or a larger machine",
      memory.text(), format_bytes(available))};
}

}  // namespace weir

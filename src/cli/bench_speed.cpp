#include "cli/bench_speed.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/clock.h"
#include "base/memory.h"
#include "base/random.h"
#include "chat/choose_speculation.h"
#include "checkpoint/size_check.h"
#include "config/size.h"
#include "engine/kv_cache.h"
#include "tensor/panel_set.h"

namespace weir {
namespace {

Speed speed_of(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return {values[values.size() / 2], values.front(), values.back()};
}

std::vector<int> random_prompt(const OpenModel& open, int depth, Random& random) {
  std::vector<int> prompt;
  while (int(prompt.size()) < depth)
    prompt.push_back(int(random.below(uint64_t(open.model->config().vocab_size))));
  return prompt;
}
// Piece i of the text, which begins anew at its end.
std::vector<int> text_prompt(const std::vector<int>& text, int depth, size_t i) {
  std::vector<int> prompt;
  for (size_t at = i * size_t(depth); int(prompt.size()) < depth; ++at)
    prompt.push_back(text[at % text.size()]);
  return prompt;
}

std::vector<Request> requests_for(const OpenModel& open, const SpeedOptions& options, int depth,
                                  int sequences, int repetition) {
  std::vector<Request> requests(static_cast<size_t>(sequences));
  Random random(1, uint64_t(repetition));
  for (size_t i = 0; i < requests.size(); ++i) {
    Request& request = requests[i];
    const size_t piece = i / size_t(options.samples);
    if (i % size_t(options.samples) > 0)
      request.prompt = requests[i - 1].prompt;
    else if (options.text.empty())
      request.prompt = random_prompt(open, depth, random);
    else
      request.prompt = text_prompt(options.text, depth, piece);
    if (!options.text.empty()) request.sampling.temperature = 0;
    request.tokens_max = options.tokens;
    request.stream = i;
  }
  return requests;
}

// Of one sequence with `positions` in the cache, all of which a drawn token reads.
Result<double> cache_bytes(const Model& model, const EngineOptions& options, int positions) {
  const KvCache cache = TRY(
      KvCache::create(model.config(), options.cache, options.cache_bytes_max, options.cache_type));
  return double(cache.bytes_for(positions));
}

}  // namespace

double weight_bytes_of_pass(const Model& model, int sequences) {
  double bytes = 0;
  for (const TensorShape& tensor : all_tensors(model.config())) {
    const Matrix* weight = model.find(tensor.name);
    const WeightType type = weight ? weight->type : WeightType::f32;
    const double share = share_per_token(model.config(), tensor.name);
    bytes +=
        (1 - std::pow(1 - share, sequences)) * double(type_bytes(type, size_t(tensor.elements())));
  }
  return bytes;
}

Result<SpeedRow> measure_speed(const OpenModel& open, const SpeedOptions& options, int depth,
                               int sequences) {
  EngineOptions settings;
  settings.sequences_max = sequences;
  settings.cache = choose_cache(options.model.cache, *open.model);
  settings.cache_type = TRY(find_cache_type(options.model.cache_type));
  settings.exact = options.model.exact;
  settings.cache_bytes_max = default_cache_bytes(*open.model);
  settings.keeps_prefixes = true;  // from reading the prompts to the replies
  settings.speculation = TRY(choose_speculation(options.model, open));
  settings.speculation.adapts = !options.every_guess;
  auto generator = TRY(Generator::create(*open.model, *open.tokenizer, *open.pool, settings));
  if (depth + options.tokens > generator->positions_max())
    return Error{fmt::format(
        "{} tokens of prompt and {} of reply do not fit: the model's context or the memory for the "
        "cache end at {}; give a smaller --depth or --tokens",
        depth, options.tokens, generator->positions_max())};
  TRY(generator->warm_up());
  if (PanelSet* panels = open.model->panels()) panels->complete();
  std::vector<double> prefill, decode, first;
  const ExpertCache* experts = open.model->expert_cache();
  ExpertCache::Statistics in_decoding;  // of all repetitions
  int64_t decoded = 0, drafted = 0, accepted = 0;
  for (int repetition = 0; repetition < options.repetitions; ++repetition) {
    const std::vector<Request> requests = requests_for(open, options, depth, sequences, repetition);
    if (repetition > 0 && !options.text.empty()) {  // the same prompts, of which it knows nothing
      generator.reset();
      generator = TRY(Generator::create(*open.model, *open.tokenizer, *open.pool, settings));
      TRY(generator->warm_up());
    }
    // First the prompts alone: replies that begin while others are read would be measured with
    // them.
    std::vector<Request> prompts = requests;
    for (Request& prompt : prompts) prompt.tokens_max = 1;
    const GenerateStatistics before = generator->statistics();
    const int64_t began = monotonic_ns();
    TRY(generator->generate(prompts));
    first.push_back(double(monotonic_ns() - began) * 1e-9);
    const GenerateStatistics read = generator->statistics();
    const auto experts_before = experts ? experts->statistics() : in_decoding;
    TRY(generator->generate(requests));
    if (experts) {
      const auto experts_after = experts->statistics();
      in_decoding.chosen += experts_after.chosen - experts_before.chosen;
      in_decoding.found += experts_after.found - experts_before.found;
      in_decoding.bytes_read += experts_after.bytes_read - experts_before.bytes_read;
    }
    const GenerateStatistics& after = generator->statistics();
    prefill.push_back(double(read.prompt_tokens - before.prompt_tokens) /
                      (read.prefill_seconds - before.prefill_seconds));
    decode.push_back(double(after.decoded_tokens - read.decoded_tokens) /
                     (after.decode_seconds - read.decode_seconds));
    decoded += after.decoded_tokens - read.decoded_tokens;
    drafted += after.drafted_tokens - read.drafted_tokens;
    accepted += after.accepted_tokens - read.accepted_tokens;
  }
  SpeedRow row;
  row.depth = depth;
  row.sequences = sequences;
  row.prefill = speed_of(prefill);
  row.decode = speed_of(decode);
  row.first_token_seconds = speed_of(first).median;
  row.weight_bytes = weight_bytes_of_pass(*open.model, sequences) / sequences;
  const int middle = depth + options.tokens / 2;
  row.cache_bytes = TRY(cache_bytes(*open.model, settings, middle));
  // forward_flops_per_token counts attention over half of what it is given.
  row.operations = forward_flops_per_token(open.model->config(), 2 * middle);
  if (experts && in_decoding.chosen > 0 && decoded > 0) {
    row.expert_hits = double(in_decoding.found) / double(in_decoding.chosen);
    row.disk_bytes = double(in_decoding.bytes_read) / double(decoded);
  }
  if (drafted > 0) row.acceptance = double(accepted) / double(drafted);
  row.peak_bytes = memory_use().peak;
  return row;
}

}  // namespace weir

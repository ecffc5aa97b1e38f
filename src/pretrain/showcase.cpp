#include "pretrain/showcase.h"

#include <algorithm>
#include <memory>

#include "chat/generator.h"

namespace weir {

Result<std::vector<std::pair<std::string, std::string>>> generate_samples(
    const TrainRecipe& recipe, const Model& model, const Tokenizer& tokenizer, ThreadPool& pool) {
  std::vector<std::pair<std::string, std::string>> samples;
  std::vector<Request> requests;
  for (size_t i = 0; i < recipe.samples.prompts.size(); ++i) {
    const std::string& prompt = recipe.samples.prompts[i];
    Request request;
    request.prompt = TRY_IN("samples.prompts", tokenizer.encode(prompt, {.framed = true}));
    // Positions beyond the windows were never trained.
    const int room = recipe.data.sequence_length - int(request.prompt.size());
    if (request.prompt.empty() || room < 1) continue;
    request.tokens_max = std::min(recipe.samples.tokens, room);
    request.sampling.temperature = recipe.samples.temperature;
    request.sampling.seed = uint64_t(recipe.seed);
    request.stream = i;
    if (tokenizer.eos() >= 0) request.stop_ids = {tokenizer.eos()};
    requests.push_back(std::move(request));
    samples.emplace_back(prompt, "");
  }
  if (requests.empty()) return samples;
  std::unique_ptr<Generator> generator = TRY(Generator::create(model, tokenizer, pool));
  std::vector<Completion> completions = TRY(generator->generate(requests));
  for (size_t i = 0; i < completions.size(); ++i) samples[i].second = completions[i].text;
  return samples;
}

}  // namespace weir

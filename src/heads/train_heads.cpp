#include "heads/train_heads.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/file.h"
#include "base/hash.h"
#include "base/random.h"
#include "heads/kept_states.h"

namespace weir {
namespace {

constexpr int kCuts[] = {8, 16, 32, 64, 128};
constexpr size_t kRowsAtATime = 16;

// Later blocks know more of what a text means; the last one prepares the next token.
std::vector<int> blocks_of(const Model& model, const HeadTraining& options) {
  if (!options.blocks.empty()) return options.blocks;
  const int all = model.config().num_hidden_layers;
  std::vector<int> blocks;
  for (int k = 2; k <= 8; ++k) {
    const int block = all * k / 8 - 1;
    if (block >= 0 && (blocks.empty() || blocks.back() != block)) blocks.push_back(block);
  }
  return blocks;
}

std::vector<std::string> categories_of(const std::vector<LabelledRow>& rows) {
  std::vector<std::string> categories;
  for (const LabelledRow& row : rows)
    for (const std::string& label : row.labels)
      if (std::find(categories.begin(), categories.end(), label) == categories.end())
        categories.push_back(label);
  std::sort(categories.begin(), categories.end());
  return categories;
}

}  // namespace

Result<StateText> state_text(const OpenModel& open, const ChatForm& form, const LabelledRow& row,
                             int tokens_max) {
  StateText text;
  text.tokens = TRY(form.encode(open, row.messages)).tokens;
  if (int(text.tokens.size()) > tokens_max)
    text.tokens.erase(text.tokens.begin(), text.tokens.end() - tokens_max);
  if (!row.is_answer) {
    text.cuts = {int(text.tokens.size())};
    return text;
  }
  text.begin = int(text.tokens.size());
  std::vector<int> answer = TRY(open.tokenizer->encode(row.answer));
  if (answer.empty()) return Error{"the answer is empty"};
  answer.resize(std::min(answer.size(), size_t(tokens_max)));
  text.tokens.insert(text.tokens.end(), answer.begin(), answer.end());
  for (const int cut : kCuts)
    if (cut < int(answer.size())) text.cuts.push_back(text.begin + cut);
  text.cuts.push_back(int(text.tokens.size()));
  return text;
}

Result<TrainedHeads> train_heads(const OpenModel& open, const ChatForm& form,
                                 const std::string& base, const std::vector<LabelledRow>& rows,
                                 const HeadTraining& options) {
  TrainedHeads trained;
  ProbeFile& file = trained.file;
  file.base = base;
  file.base_hash = base_hash_of(*open.model);
  file.width = open.model->config().hidden_size;
  file.categories = categories_of(rows);
  const std::vector<int> blocks = blocks_of(*open.model, options);
  for (const int block : blocks)
    if (block < -1 || block >= open.model->config().num_hidden_layers)
      return Error{fmt::format("there is no block {}; the model has 0 to {}", block,
                               open.model->config().num_hidden_layers - 1)};

  std::vector<StateText> texts;
  for (const LabelledRow& row : rows)
    texts.push_back(
        TRY_IN(fmt::format("line {}", row.line), state_text(open, form, row, options.tokens_max)));
  const size_t size = 2 * size_t(file.width) * blocks.size();
  const std::string key = states_key(file.base_hash, blocks, texts);
  std::vector<float> states = TRY(read_kept_states(options.states, key));
  StateReader reader(*open.model, *open.pool, options.exact);
  size_t done = 0, numbers = 0;  // texts whose states are there
  for (; done < texts.size() && numbers + texts[done].cuts.size() * size <= states.size(); ++done)
    numbers += texts[done].cuts.size() * size;
  states.resize(numbers);
  for (size_t count; done < texts.size(); done += count) {
    options.on_progress(done, texts.size());
    if (options.is_stopped()) {
      TRY(write_kept_states(options.states, key, states));
      trained.is_stopped = true;
      return trained;
    }
    count = std::min(kRowsAtATime, texts.size() - done);
    TRY(reader.read(std::span(texts).subspan(done, count), blocks, states));
  }
  options.on_progress(texts.size(), texts.size());

  PartRows prompts, answers;
  size_t number = 0;
  for (size_t i = 0; i < rows.size(); ++i) {
    PartRows& part = rows[i].is_answer ? answers : prompts;
    Random random(options.seed, fnv1a(rows[i].group));
    const bool is_held_out = random.uniform() < options.held_out;
    for (size_t cut = 0; cut < texts[i].cuts.size(); ++cut)
      part.add(std::span<const float>(states).subspan(number++ * size, size), rows[i].labels,
               is_held_out);
  }
  const PartSettings settings{file.width, options.pooling, blocks, file.categories,
                              options.false_positives};
  if (prompts.rows() > 0)
    file.prompt = TRY_IN("prompts", train_part(prompts, settings, *open.pool));
  if (answers.rows() > 0)
    file.answer = TRY_IN("answers", train_part(answers, settings, *open.pool));
  if (prompts.rows() == 0) return Error{"there are no rows of prompts"};
  if (!options.states.empty()) TRY(remove_all(options.states));
  return trained;
}

}  // namespace weir

// Asks a model many things at once and waits for the replies: one batch over the engine, each reply
// held to a form if it has one.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "chat/chat_form.h"
#include "chat/open_model.h"
#include "grammar/structured_output.h"
#include "knowledge/knowledge_search.h"

namespace weir {

struct Ask {
  std::string system = {};  // "": none
  std::string text;
  std::optional<OutputForm> form = {};
  int tokens_max = 128;
  double temperature = 0;
  bool base_alone = false;  // without the model's adapter
  uint64_t seed = 0;
  int top = 0;  // the most probable tokens that each token is reported with
};

// Replies in the order of what was asked, without thinking; cut ones are marked by !is_whole.
struct AskReply {
  std::string text;
  bool is_whole = true;
  std::vector<std::vector<TokenLogProbability>> top = {};  // Completion::top_log_probabilities
};
// Nothing: stopped meanwhile.
using AskModel =
    std::function<Result<std::optional<std::vector<AskReply>>>(std::span<const Ask> asked)>;

class Asker {
 public:
  // The model outlives it. `path`: for errors. `is_stopped`: asked between passes.
  static Result<std::unique_ptr<Asker>> create(const OpenModel& open, const std::string& path,
                                               std::function<bool()> is_stopped);
  // The model has no chat template: what is asked is sent as plain text.
  bool is_plain() const { return form_.is_plain(); }
  // Fails when a prompt is longer than the context, or a form is not supported.
  Result<std::optional<std::vector<AskReply>>> ask(std::span<const Ask> asked);
  // How probable each reply is as what follows the prompt: the mean of its tokens'
  // log-probabilities under the model. Of what is asked only system, text and base_alone count.
  Result<std::optional<std::vector<double>>> likelihoods(std::span<const Ask> asked,
                                                         std::string_view reply);
  // likelihoods() of the question as the reply to question_prompt() of each chunk. Without
  // adapters: these learned to answer. An error when it is stopped: a ChunkScorer.
  Result<std::vector<double>> fit(std::string_view question, std::span<const FoundChunk> chunks);

 private:
  Asker(const OpenModel& open, ChatForm form, std::function<bool()> is_stopped)
      : open_(open), form_(std::move(form)), is_stopped_(std::move(is_stopped)) {}
  Result<ChatPrompt> prompt_of(const Ask& asked) const;
  Result<std::shared_ptr<TokenGrammar>> grammar_of(const OutputForm& form,
                                                   const std::vector<int>& ends);
  const OpenModel& open_;
  const ChatForm form_;
  std::optional<OutputGrammars> grammars_;  // once a form is asked for
  const std::function<bool()> is_stopped_;
};

}  // namespace weir

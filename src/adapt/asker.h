// Asks a model many things at once and waits for the replies: one batch over the engine, each reply
// held to a form if it has one.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "chat/chat_form.h"
#include "chat/open_model.h"
#include "grammar/structured_output.h"

namespace weir {

struct Ask {
  std::string system = {};  // "": none
  std::string text;
  std::optional<OutputForm> form = {};
  int tokens_max = 128;
  double temperature = 0;
  bool uses_adapter = false;  // of a model with an adapter; else the base alone
  uint64_t seed = 0;
};

// Replies in the order of what was asked, without thinking; cut ones are marked by !is_whole.
struct AskReply {
  std::string text;
  bool is_whole = true;
};
// Nothing: stopped meanwhile.
using AskModel =
    std::function<Result<std::optional<std::vector<AskReply>>>(std::span<const Ask> asked)>;

class Asker {
 public:
  // The model outlives it. `path`: for errors. `is_stopped`: asked between passes.
  static Result<std::unique_ptr<Asker>> create(const OpenModel& open, const std::string& path,
                                               std::function<bool()> is_stopped);
  // Fails when a prompt is longer than the context, or a form is not supported.
  Result<std::optional<std::vector<AskReply>>> ask(std::span<const Ask> asked);

 private:
  Asker(const OpenModel& open, ChatForm form, std::shared_ptr<const TokenVocabulary> vocabulary,
        std::function<bool()> is_stopped)
      : open_(open),
        form_(std::move(form)),
        grammars_(std::move(vocabulary)),
        is_stopped_(std::move(is_stopped)) {}
  const OpenModel& open_;
  const ChatForm form_;
  OutputGrammars grammars_;
  const std::function<bool()> is_stopped_;
};

}  // namespace weir

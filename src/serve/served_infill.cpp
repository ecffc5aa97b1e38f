// Prompts of requests to fill in the middle.
#include <fmt/format.h>

#include <algorithm>

#include "serve/served_model.h"

namespace weir {

ApiResult<std::vector<std::vector<int>>> ServedModel::encode_infill(
    const ServeRequest& request, PreparedRequest& prepared) const {
  if (!open_.infill.exist())
    return ApiError{.status = request.cuts_infill ? 501 : 400,
                    .message = fmt::format("the model '{}' cannot fill in the middle: its "
                                           "vocabulary has no {}; use a model made for code",
                                           name(), open_.infill.missing),
                    .param = request.cuts_infill ? "" : "suffix"};
  InfillLimits limits;
  if (request.cuts_infill) {
    // A reply of unknown length gets a quarter of the context.
    const int reply = std::min(request.tokens_max > 0 ? request.tokens_max : INT32_MAX,
                               std::max(1, positions_max() / 4));
    limits = {.prompt = std::max(1, positions_max() - reply), .window = options_.infill_window};
  }
  std::vector<std::vector<int>> prompts;
  InfillText text = *request.infill;
  // What is scored, or held to a form, begins where the hole does.
  const bool is_scored = request.wants_scores && !request.cuts_infill;
  if (request.form || is_scored || request.prompts.size() > 1) text.is_edited = false;
  for (const TextPrompt& prompt : request.prompts) {
    text.prefix = prompt.text;
    Result<InfillPrompt> made = make_infill_prompt(tokenizer(), open_.infill, text, limits);
    if (!made) return ApiError{.message = made.error().message, .param = "prompt"};
    prompts.push_back(std::move(made->tokens));
    prepared.begun = std::move(made->begun);
  }
  prepared.text.begun = prepared.begun.size();
  return prompts;
}

}  // namespace weir

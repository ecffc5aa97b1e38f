// Example rows: tokens taken together as far as a reader can see them.
#include <fmt/format.h>

#include "base/text.h"
#include "doctor/doctor_checks.h"
#include "stages/tuning.h"

namespace weir {
namespace {

// Whether the bytes begin a character that is not complete.
bool is_incomplete(std::string_view text) {
  const size_t bad = first_invalid_utf8(text);
  if (bad == text.npos || text.size() - bad > 3) return false;
  const auto first = static_cast<unsigned char>(text[bad]);
  const size_t wanted = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc0 ? 2 : 1;
  return text.size() - bad < wanted;
}

bool is_control(const Tokenizer& tokenizer, const ConversationFormat& format, int token) {
  return tokenizer.is_special(token) || token == format.think() ||
         token == format.end_of_thinking();
}

std::vector<TokenView> view_tokens(const Tokenizer& tokenizer, const ConversationFormat& format,
                                   const TrainingSequence& sequence) {
  std::vector<TokenView> views;
  bool is_open = false;  // the last view ends inside a character
  for (size_t i = 0; i < sequence.tokens.size(); ++i) {
    const int token = sequence.tokens[i];
    const bool is_trained = i > 0 && sequence.trained[i] != 0;
    const bool controls = is_control(tokenizer, format, token);
    const std::string_view bytes = tokenizer.token_bytes(token);
    const bool joins = is_open && !controls && views.back().is_trained == is_trained;
    if (joins) {
      views.back().text += bytes;
      ++views.back().tokens;
    } else {
      views.push_back({std::string(bytes), 1, is_trained, controls});
    }
    is_open = !controls && is_incomplete(views.back().text);
  }
  return views;
}

}  // namespace

Result<ExampleRow> example_row(const Tokenizer& tokenizer, const ConversationFormat& format,
                               const Problem& problem, const Purpose& purpose) {
  ExampleRow row;
  row.place = problem.place;
  if (!problem.style.empty()) row.place += ", " + problem.style;
  TrainingSequence sequence;
  if (purpose.is_learned && problem.has_reply()) {
    sequence = TRY(render_problem(format, problem, purpose.all_tokens));
  } else {
    sequence.tokens = TRY(format.prompt(problem.question()));
    sequence.trained.resize(sequence.tokens.size());
    row.note = fmt::format("the model replies with at most {} tokens", purpose.reply_tokens);
  }
  if (!problem.verifier.empty())
    row.note += fmt::format("{}{}: {}", row.note.empty() ? "" : "; ", problem.verifier,
                            printable(problem.gold));
  if (!problem.claims_right) row.note += "; not meant to be right";
  row.tokens = view_tokens(tokenizer, format, sequence);
  return row;
}

}  // namespace weir

// Examines a recipe before anything is trained: do the verifiers agree with the data's own replies,
// do conversations survive the way through tokens, does everything fit, can every reward fire. The
// report is data; doctor_view.h writes it.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "chat/conversation.h"
#include "stages/r1_recipe.h"
#include "tokenizer/tokenizer.h"

namespace weir {

struct DoctorOptions {
  int problems = 500;  // of each source
  int rows = 2;        // examples of each source
};

// error: training would be wrong or fail. warning: it loses something. note: worth knowing.
enum class Severity { error, warning, note };
const char* severity_name(Severity severity);

// One complaint about one source (or, with an empty source, about a whole stage).
struct Finding {
  Severity severity = Severity::error;
  std::string check;                      // "gold", "reply", "mask", "length" ...
  std::string stage = {}, source = {};    // "evaluation" is a stage here too
  std::string message = {}, remedy = {};  // what is wrong; what to do
  std::string example = {};               // the first place it was seen at, with its texts
  int64_t count = 1, examined = 0;        // problems it holds for, of how many; 0: no count
};

// Consecutive tokens that belong together on the screen: one token, or the several that one
// character is made of.
struct TokenView {
  std::string text;  // bytes as decoded
  int tokens = 1;
  bool is_trained = false, is_control = false;
};
struct ExampleRow {
  std::string place, note;
  std::vector<TokenView> tokens;
};

struct SourceReport {
  std::string stage, kind, source;
  int64_t problems = 0;   // examined
  int64_t distinct = 0;   // questions
  int64_t verified = 0;   // have a verifier and a reply that claims to be right
  int64_t right = 0;      // of those
  int64_t unclaimed = 0;  // replies that do not claim to be right
  int64_t rendered = 0, tokens = 0, trained = 0;  // conversations; sums over them
  int longest = 0;                                // tokens of a conversation
  int longest_reply = 0;                          // tokens of a model reply, its end included
  std::vector<ExampleRow> rows = {};
};

struct DoctorReport {
  int vocabulary = 0;          // tokens there are
  int learned = 0, used = 0;   // those of several bytes, and how many of them occur
  double bytes_per_token = 0;  // of everything rendered
  int context = 0;             // positions of the model
  std::vector<SourceReport> sources = {};
  std::vector<Finding> findings = {};  // errors first
  int64_t count(Severity severity) const;
};

// `format`: of the conversations. `context`: positions of the model. Fails only when nothing can be
// examined: the tokenizer lacks control tokens, or a source makes no problems.
Result<DoctorReport> examine_recipe(const R1Recipe& recipe, const Tokenizer& tokenizer,
                                    const ConversationFormat& format, int context,
                                    const DoctorOptions& options);

}  // namespace weir

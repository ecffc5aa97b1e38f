// Sequence-level distillation (Kim and Rush 2016): a teacher's replies to questions, filtered, as
// rows to tune a smaller model on. The teacher is anything that answers; it may fail in the middle.
// docs/distillation.md
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "chat/conversation.h"
#include "tasks/problem.h"

namespace weir {

struct TeacherReply {
  std::string answer, thinking;
  bool is_cut = false;  // by the limit of tokens
};

// Asks the teacher once; `stream` numbers the request, for seeds. An error may be passing. Empty
// (no value of `reply`) when a stop was requested.
using AskTeacher =
    std::function<Result<TeacherReply>(const std::vector<Message>& question, uint64_t stream)>;

// What a reply must pass beside being whole, not empty and no loop.
//   none       nothing
//   verifier   the problem's verifier says right; problems without one are passed over
//   agreement  its final answer (the last number, else the text) is that of at least the share
//              `agreement` of the question's replies (self-consistency: Wang et al. 2022)
//   judge      the judge answers yes
enum class SampleFilter { none, verifier, agreement, judge };

struct SampleOptions {
  std::string out;  // JSONL of conversations
  int samples = 1;  // replies to each question
  int keep = 1;     // different ones of a question, shortest first
  SampleFilter filter = SampleFilter::none;
  double agreement = 0.5;
  bool with_thinking = true;  // the teacher's thinking becomes the student's
  int tries = 5;              // of a request that fails, with pauses of pause_seconds * 2^n
  double pause_seconds = 1;
  std::string identity;   // of teacher and settings: replies of another are not mixed in
  AskTeacher judge = {};  // of SampleFilter::judge
  std::function<bool()> is_stopped = [] { return false; };
  std::function<void(size_t done, size_t all, const std::string& what)> on_progress =
      [](size_t, size_t, const std::string&) {};
};

struct SampleReport {
  int64_t questions = 0, replies = 0;                     // asked
  int64_t cut = 0, empty = 0, loops = 0, everywhere = 0;  // everywhere: said to many questions
  int64_t refused = 0, repeated = 0, kept = 0;  // by the filter; beyond `keep` or said twice
  bool is_stopped = false;
  std::string text() const;
};

// Asks every question, appends each question's replies to `out`.asked as they come and writes `out`
// at the end. What is in that file is not asked again: the same call goes on after a stop, a crash
// or an endpoint that failed. Errors: the teacher failed `tries` times running; it gives most
// questions the same reply; `out`.asked is of other settings.
Result<SampleReport> sample_teacher(const std::vector<Problem>& problems, const AskTeacher& teacher,
                                    const SampleOptions& options);

// The last number of a text as it is written there, else the text without case and outer blanks.
std::string final_answer(const std::string& text);

}  // namespace weir

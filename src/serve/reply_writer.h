// What a reply consists of, and how a dialect writes it: as a stream of parts or as one body.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/json.h"
#include "engine/request.h"
#include "serve/api_error.h"

namespace weir {

// A fragment of a call: the first one of a call has its name, the others have more of the
// arguments. Calls come one after the other, `index` counts them in the reply.
struct CallPart {
  int index = 0;
  std::string name = {};
  std::string arguments = {};  // text of JSON; joined, a whole object
};

// Text of one choice that became certain. Of a whole reply: all of it.
struct ReplyParts {
  std::string thinking = {}, answer = {};
  std::vector<TokenScore> thinking_scores = {}, answer_scores = {};  // if asked for
  // Calls that became whole: OpenAI's tool_calls, arguments as objects.
  Json calls = {};
  // The same calls as they come, for streams; a writer takes these or those.
  std::vector<CallPart> call_parts = {};
  // Of an answer from a knowledge base: [{"begin", "end", "document", "title", "quote"}], the first
  // two in characters of the answer. Null: none.
  Json citations = {};
  int tokens = 0;          // of this choice so far, ends included
  bool has_calls = false;  // if it is the last: some part had one
  bool is_last = false;
  FinishReason reason = FinishReason::length;  // if it is the last
  std::string stop = {};                       // the stop string that appeared
  // Of the guard, if it is the last: the text of a refusal, which is part of the answer, too; and
  // what was withheld and why (guard_desk.h).
  std::string refusal = {};
  Json withheld = {};
  bool has_text() const {
    return !thinking.empty() || !answer.empty() || calls.size() > 0 || !call_parts.empty();
  }
};

// Adds the next parts of a choice to those before them.
void append_parts(ReplyParts& whole, ReplyParts parts);

struct ReplyUsage {
  std::vector<int64_t> prompts = {};       // tokens of each choice's prompt
  int64_t prompt = 0;                      // tokens; of several prompts together, each counted once
  int64_t cached = 0;                      // of them, found in the prefix cache
  int64_t completion = 0;                  // of all choices, ends included
  int64_t thinking = 0;                    // of them
  double prompt_seconds = 0, seconds = 0;  // until the first token; in all
};

// One for each request; choices are counted over all prompts. All texts are valid UTF-8.
class ReplyWriter {
 public:
  virtual ~ReplyWriter() = default;
  // Of the stream and of the whole body.
  virtual const char* content_type(bool streams) const {
    return streams ? "text/event-stream; charset=utf-8" : "application/json";
  }
  // What a stream sends while a client waits for long; "": nothing may.
  virtual std::string keep_alive() const { return ": keep-alive\n\n"; }
  // Before any part: the mean log-probability of a token of ServeRequest::scored_reply after each
  // of its conversations, or after the first ones.
  virtual void take_fits(std::span<const double>) {}
  // Before the first part of a stream.
  virtual std::string begin(const ReplyUsage&) { return ""; }
  virtual std::string part(int choice, const ReplyParts& parts, const ReplyUsage& usage) = 0;
  virtual std::string end(const ReplyUsage& usage) = 0;
  // Ends a stream that has begun.
  virtual std::string failure(const ApiError& error) = 0;
  virtual std::string whole(std::span<const ReplyParts> choices, const ReplyUsage& usage) = 0;
};

}  // namespace weir

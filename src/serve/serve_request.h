// What a client asks for, whatever dialect it spoke: every dialect's parser makes one of these, and
// served_model.h turns it into the engine's requests.
#pragma once
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "chat/infill_prompt.h"
#include "chat/line_limits.h"
#include "engine/sampling_options.h"
#include "grammar/structured_output.h"
#include "serve/tool_choice.h"

namespace weir {

struct TextPrompt {
  std::string text = {};
  std::vector<int> tokens = {};  // instead of a text
  bool is_tokens = false;
  std::vector<TextPrompt> pieces = {};  // instead of both: texts and tokens one after another
};

struct ServeRequest {
  std::string model = {};  // as the client names it; "": the server's
  // A conversation in OpenAI's messages, content as text, arguments of calls as objects; not an
  // array: `prompts` are continued as they are.
  Json messages = {};
  std::vector<TextPrompt> prompts = {};
  // Fill in the middle: each of `prompts` is a text before the hole; `prefix` here is not used.
  std::optional<InfillText> infill = {};
  bool cuts_infill = false;  // leave out what is far from the hole instead of refusing it
  bool continues = false;    // the last message, of the assistant, is the beginning of the reply
  // Of a prompt that the server made around a question: what the client wrote.
  std::optional<std::string> asked = {};
  bool is_injected = false;        // the guard found instructions in a document of the prompt
  bool allow_special = true;       // control tokens in the texts of `prompts` count as such
  std::optional<Json> tools = {};  // check_tools()
  ToolChoice tool_choice = {};
  bool whole_calls = false;  // a stream, too, has calls as wholes
  std::optional<bool> thinking = {};
  std::string reasoning_effort = {};     // for templates that read it
  std::optional<int> thinking_max = {};  // tokens of the thought; then it is ended

  SamplingOptions sampling = {};
  bool has_seed = false;                                      // else one is drawn for this request
  std::optional<std::vector<std::string>> dry_breakers = {};  // nothing: the usual ones
  int tokens_max = 0;  // of a reply, thinking included; 0: what the context has room for
  std::vector<std::string> stops = {};
  LineLimits lines = {};
  double seconds_max = 0;    // from the first token on, once a line has ended; 0: no limit
  bool ignores_end = false;  // go on after the end of the reply
  int choices = 1;           // replies to each prompt
  // What the answer is held to, after the thinking, and the field that asked for it.
  std::optional<OutputForm> form = {};
  std::string form_field = {};

  // Conversations whose next reply might be `scored_reply`: how probable it is after each is known
  // before the request's own reply is written (ReplyWriter::take_fits), without adapters.
  std::vector<Json> scored = {};
  std::string scored_reply = {};

  bool streams = false;
  bool includes_usage = false;   // in a stream
  bool wants_scores = false;     // log-probabilities
  bool echoes = false;           // the prompt's text comes first, with its scores if any are wanted
  bool is_prompt_alone = false;  // nothing comes after it
};

inline void hold_to(ServeRequest& request, OutputForm form, std::string field) {
  request.form = std::move(form);
  request.form_field = std::move(field);
}

}  // namespace weir

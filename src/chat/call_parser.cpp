#include "chat/call_parser.h"

#include <algorithm>
#include <span>
#include <utility>

#include "base/text.h"
#include "chat/chat_tools.h"
#include "text/unicode.h"

namespace weir {
namespace {

using Kind = CallEvent::Kind;

constexpr size_t kHeaderMax = 1024, kCallBytesMax = size_t(1) << 20;
constexpr JsonLimits kCallLimits = {.bytes = kCallBytesMax, .values = 10000};
constexpr std::string_view kBlanks = " \t\r\n";
constexpr std::string_view kHermes = "<tool_call>", kCalls = "<｜tool▁calls▁begin｜>",
                           kCall = "<｜tool▁call▁begin｜>", kSeparator = "<｜tool▁sep｜>",
                           kFence = "```", kDsml = "｜DSML｜";
// What begins a call in a text. V4.1's has a blank.
constexpr std::string_view kOpeners[] = {
    kHermes, kCalls, kCall, "<｜DSML｜function_calls>", "<｜DSML｜tool_calls>", "<｜DSML｜ calls>"};
// What may follow the arguments, in this order.
constexpr std::string_view kHermesTrailers[] = {"}", "</tool_call>"};
constexpr std::string_view kDeepSeekTrailers[] = {kFence, "<｜tool▁call▁end｜>",
                                                  "<｜tool▁calls▁end｜>"};
constexpr std::string_view kBareTrailers[] = {"}", kFence};

bool may_become(std::string_view text, std::string_view mark) {
  return text.size() < mark.size() && mark.starts_with(text);
}

// The longest end of the text that may be the beginning of a mark.
size_t beginning_at_end(std::string_view text, std::span<const std::string_view> marks) {
  size_t most = 0;
  for (const std::string_view mark : marks)
    for (size_t n = std::min(mark.size() - 1, text.size()); n > most; --n)
      if (text.ends_with(mark.substr(0, n))) most = n;
  return most;
}

// Reads a header from its beginning: each step is a match, none, or in need of more text.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : text_(text) {}
  size_t at() const { return at_; }
  bool ends() const { return at_ == text_.size(); }
  bool has(char c) const { return !ends() && text_[at_] == c; }
  bool is_short() const { return is_short_; }  // a step failed at the end of the text

  void skip_blanks() { at_ = std::min(text_.find_first_not_of(kBlanks, at_), text_.size()); }
  bool take(std::string_view mark) {
    const std::string_view rest = text_.substr(at_);
    if (rest.starts_with(mark)) {
      at_ += mark.size();
      return true;
    }
    is_short_ |= may_become(rest, mark);
    return false;
  }
  // Up to `end`, which is taken, too.
  bool take_until(std::string_view end, std::string& taken) {
    const size_t found = text_.find(end, at_);
    is_short_ |= found == text_.npos;
    if (found == text_.npos) return false;
    taken = text_.substr(at_, found - at_);
    at_ = found + end.size();
    return true;
  }

 private:
  std::string_view text_;
  size_t at_ = 0;
  bool is_short_ = false;
};

std::string quoted(std::string_view text) { return Json(std::string(text)).dump(); }

}  // namespace

void CallParser::push(std::string_view text, std::vector<CallEvent>& events) {
  pending_ += text;
  while (step(events)) {
  }
}

void CallParser::finish(std::vector<CallEvent>& events) {
  is_finishing_ = true;
  while (step(events)) {
  }
  if (state_ != State::text) fail(events);
  if (has_calls_ && trim(pending_).empty()) pending_.clear();
  if (!pending_.empty()) emit({Kind::text, std::exchange(pending_, {})}, events);
}

bool CallParser::step(Events& events) {
  switch (state_) {
    case State::text:
      return read_text(events);
    case State::header:
      return read_header(events);
    case State::object:
      return read_object(events);
    case State::arguments:
      return read_arguments(events);
    case State::parameters:
      return read_parameters(events);
    case State::value:
      return read_value(events);
    case State::trailer:
      return read_trailer();
  }
  return false;
}

// Blanks wait for what follows them.
bool CallParser::read_text(Events& events) {
  if (is_start_) {
    const size_t first = pending_.find_first_not_of(kBlanks);
    if (first == pending_.npos) return false;
    const std::string_view rest = std::string_view(pending_).substr(first);
    if (may_become(rest, kFence) && !is_finishing_) return false;
    is_start_ = false;
    if (rest.starts_with('{')) return open(Form::bare, first, 1, events);
    if (rest.starts_with(kFence)) return open(Form::bare, first, kFence.size(), events);
  }
  size_t at = pending_.npos;
  std::string_view opener;
  for (const std::string_view mark : kOpeners)
    if (const size_t found = pending_.find(mark); found < at) at = found, opener = mark;
  if (at != pending_.npos) {
    const bool is_deepseek = opener == kCalls || opener == kCall;
    is_spaced_ = opener.find(' ') != opener.npos;
    return open(opener == kHermes ? Form::hermes
                : is_deepseek     ? Form::deepseek
                                  : Form::dsml,
                at, opener.size(), events);
  }
  const std::string_view text = pending_;
  size_t certain = text.size() - beginning_at_end(text, kOpeners);
  certain = text.substr(0, certain).find_last_not_of(kBlanks) + 1;
  if (certain > 0) emit({Kind::text, pending_.substr(0, certain)}, events);
  pending_.erase(0, certain);
  return false;
}

bool CallParser::open(Form form, size_t at, size_t opener, Events& events) {
  const size_t end = std::string_view(pending_).substr(0, at).find_last_not_of(kBlanks) + 1;
  if (end > 0) emit({Kind::text, pending_.substr(0, end)}, events);
  blanks_ = pending_.substr(end, at - end);
  pending_.erase(0, at);
  form_ = form;
  opener_ = opener;
  is_handed_ = false;
  raw_.clear();
  state_ = State::header;
  return true;
}

bool CallParser::read_header(Events& events) {
  Header header;
  Match match = match_header(header);
  if (match == Match::more) {
    if (!is_finishing_ && pending_.size() <= kHeaderMax) return false;
    match = Match::no;
  }
  if (match == Match::no) {
    take(std::min(opener_, pending_.size()));
    return fail(events);
  }
  take(match == Match::object ? pending_.find('{') : header.bytes);
  json_ = {};
  object_.clear();
  state_ = State::object;
  if (match == Match::object) return true;
  begin(std::move(header.name), events);
  state_ = form_ == Form::dsml ? State::parameters : State::arguments;
  return true;
}

CallParser::Match CallParser::match_header(Header& header) const {
  if (form_ == Form::deepseek) return match_deepseek_header(header);
  return form_ == Form::dsml ? match_invoke(header) : match_json_header(header);
}

// {"name": "f", "arguments": {. Other keys between or before: the object is to be read whole.
CallParser::Match CallParser::match_json_header(Header& header) const {
  Cursor cursor(pending_);
  const auto failed = [&] { return cursor.is_short() ? Match::more : Match::no; };
  if (form_ == Form::hermes) cursor.take(kHermes);
  cursor.skip_blanks();
  if (cursor.take(kFence) && !cursor.take("json") && cursor.is_short()) return Match::more;
  cursor.skip_blanks();
  if (cursor.ends()) return Match::more;
  if (!cursor.take("{")) return failed();
  cursor.skip_blanks();
  if (cursor.ends()) return Match::more;
  std::string key;
  if (!cursor.take("\"") || !cursor.take_until("\"", key)) return failed();
  const bool is_known = key == "type" || key == "id" || key == "function" || key == "arguments" ||
                        key == "parameters";
  if (key != "name") return is_known || form_ == Form::hermes ? Match::object : Match::no;
  cursor.skip_blanks();
  if (cursor.ends()) return Match::more;
  if (!cursor.take(":")) return failed();
  cursor.skip_blanks();
  if (cursor.ends()) return Match::more;
  if (!cursor.take("\"") || !cursor.take_until("\"", header.name)) return failed();
  if (!is_callable(header.name)) return Match::no;
  cursor.skip_blanks();
  if (cursor.ends()) return Match::more;
  if (!cursor.take(",")) return failed();
  cursor.skip_blanks();
  if (cursor.ends()) return Match::more;
  if (!cursor.take("\"") || !cursor.take_until("\"", key)) return failed();
  if (key != "arguments" && key != "parameters") return Match::object;
  cursor.skip_blanks();
  if (cursor.ends()) return Match::more;
  if (!cursor.take(":")) return failed();
  cursor.skip_blanks();
  if (cursor.ends()) return Match::more;
  header.bytes = cursor.at();
  return cursor.has('{') ? Match::yes : Match::no;
}

// V3 and R1: type, separator, name, a fence with the arguments. V3.1: name, separator, arguments.
CallParser::Match CallParser::match_deepseek_header(Header& header) const {
  Cursor cursor(pending_);
  if (cursor.take(kCalls)) cursor.skip_blanks();
  if (cursor.ends()) return Match::more;
  std::string before;
  if (!cursor.take(kCall)) return cursor.is_short() ? Match::more : Match::no;
  if (!cursor.take_until(kSeparator, before)) return Match::more;
  header.name = trim(before);
  const size_t at = cursor.at();
  cursor.skip_blanks();
  if (cursor.ends()) return Match::more;
  if (header.name == "function" && !cursor.has('{')) {
    std::string name;
    cursor = Cursor(std::string_view(pending_).substr(at));
    if (!cursor.take_until("\n", name)) return Match::more;
    header.name = trim(name);
    header.bytes = at;
    cursor.skip_blanks();
  }
  if (!is_callable(header.name)) return Match::no;
  if (cursor.take(kFence)) cursor.take("json");
  if (cursor.is_short()) return Match::more;
  cursor.skip_blanks();
  if (cursor.ends()) return Match::more;
  header.bytes += cursor.at();
  return cursor.has('{') ? Match::yes : Match::no;
}

CallParser::Match CallParser::match_invoke(Header& header) const {
  const size_t opener = opener_ > 1 ? opener_ : 0;  // a later call of a block has none
  Cursor inside(std::string_view(pending_).substr(opener));
  inside.skip_blanks();
  if (inside.ends()) return Match::more;
  if (!inside.take(tag("invoke", false) + " name=\"") || !inside.take_until("\">", header.name))
    return inside.is_short() ? Match::more : Match::no;
  header.bytes = opener + inside.at();
  return is_callable(header.name) ? Match::yes : Match::no;
}

bool CallParser::is_callable(std::string_view name) const {
  if (form_ != Form::bare) return is_tool_name(name);
  return std::any_of(tools_.items().begin(), tools_.items().end(), [&](const Json& tool) {
    return tool.find("function")->find("name")->text() == name;
  });
}

bool CallParser::read_object(Events& events) {
  const size_t read = json_.push(pending_, object_);
  take(read);
  if (json_.is_broken() || object_.size() > kCallBytesMax) return fail(events);
  if (!json_.is_complete()) return is_finishing_ && fail(events);
  const Result<Json> json = parse_json(object_, kCallLimits);
  const Json* call = json ? &*json : nullptr;
  if (const Json* inner = call ? call->find("function") : nullptr; inner && inner->is_object())
    call = inner;
  const Json* name = call ? call->find("name") : nullptr;
  const Json* arguments = call ? call->find("arguments") : nullptr;
  if (call && !arguments) arguments = call->find("parameters");
  if (!name || !is_callable(name->text()) || !arguments || !arguments->is_object())
    return fail(events);
  begin(name->text(), events);
  add_arguments(arguments->dump(), events);
  end_call(events);
  trailers_ = 1;  // the object's end was read
  return true;
}

bool CallParser::read_arguments(Events& events) {
  std::string accepted;
  take(json_.push(pending_, accepted));
  add_arguments(std::move(accepted), events);
  if (json_.is_broken() || object_.size() > kCallBytesMax) return fail(events);
  if (json_.is_complete()) end_call(events);
  return json_.is_complete() || (is_finishing_ && fail(events));
}

// <｜DSML｜parameter name="k" string="true">, or the end of the call.
bool CallParser::read_parameters(Events& events) {
  Cursor cursor(pending_);
  cursor.skip_blanks();
  Cursor inside(std::string_view(pending_).substr(cursor.at()));
  if (inside.take(tag("invoke", true) + ">")) {
    take(cursor.at() + inside.at());
    add_arguments(keys_.empty() ? "{}" : "}", events);
    end_call(events);
    return true;
  }
  std::string key, kind;
  const bool is_one = inside.take(tag("parameter", false) + " name=\"") &&
                      inside.take_until("\" string=\"", key) && inside.take_until("\">", kind);
  if (!is_one) {
    const bool may_be = inside.ends() || inside.is_short();
    return !may_be || is_finishing_ || pending_.size() > kHeaderMax ? fail(events) : false;
  }
  const bool is_new = std::find(keys_.begin(), keys_.end(), key) == keys_.end();
  if (!is_new || (kind != "true" && kind != "false")) return fail(events);
  take(cursor.at() + inside.at());
  is_string_ = kind == "true";
  add_arguments((keys_.empty() ? "{" : ", ") + quoted(key) + ": " + (is_string_ ? "\"" : ""),
                events);
  keys_.push_back(std::move(key));
  state_ = State::value;
  return true;
}

// A text goes on as it comes. Another value is JSON; what is none becomes a text.
bool CallParser::read_value(Events& events) {
  const std::string closing = tag("parameter", true) + ">";
  const size_t end = pending_.find(closing);
  const bool is_whole = end != pending_.npos;
  const std::string_view mark[] = {closing};
  size_t size = is_whole ? end : pending_.size() - beginning_at_end(pending_, mark);
  if (!is_whole && !is_finishing_)
    size = valid_utf8_prefix(std::string_view(pending_).substr(0, size));
  const std::string_view text = std::string_view(pending_).substr(0, size);
  if (is_string_) {
    std::string escaped = quoted(text);
    add_arguments(escaped.substr(1, escaped.size() - 2) + (is_whole ? "\"" : ""), events);
  } else if (is_whole) {
    const std::string_view value = trim(text);
    add_arguments(parse_json(value, kCallLimits) ? std::string(value) : quoted(text), events);
  } else {
    return (is_finishing_ || size > kCallBytesMax) && fail(events);
  }
  take(is_whole ? end + closing.size() : size);
  if (object_.size() > kCallBytesMax) return fail(events);
  if (is_whole) state_ = State::parameters;
  return is_whole || (is_finishing_ && fail(events));
}

bool CallParser::read_trailer() {
  Cursor cursor(pending_);
  cursor.skip_blanks();
  pending_.erase(0, cursor.at());
  if (pending_.empty() && !is_finishing_) return false;  // more blanks may come
  if (form_ == Form::dsml) {
    const std::string invoke = tag("invoke", false);
    if (pending_.starts_with(invoke)) {
      opener_ = 1;
      is_handed_ = false;
      raw_.clear();
      state_ = State::header;
      return true;
    }
    const std::string closings[] = {tag(is_spaced_ ? "calls" : "function_calls", true) + ">",
                                    tag("tool_calls", true) + ">"};
    bool may_be = may_become(pending_, invoke);
    for (const std::string& closing : closings) {
      if (pending_.starts_with(closing)) pending_.erase(0, closing.size()), state_ = State::text;
      may_be |= may_become(pending_, closing);
    }
    if (state_ != State::text && (is_finishing_ || !may_be)) state_ = State::text;
    return state_ == State::text;
  }
  const std::span<const std::string_view> marks =
      form_ == Form::hermes     ? std::span<const std::string_view>(kHermesTrailers)
      : form_ == Form::deepseek ? std::span<const std::string_view>(kDeepSeekTrailers)
                                : std::span<const std::string_view>(kBareTrailers);
  bool may_be = false;
  for (size_t i = trailers_; i < marks.size(); ++i) {
    may_be |= may_become(pending_, marks[i]);
    if (!pending_.starts_with(marks[i])) continue;
    pending_.erase(0, marks[i].size());
    trailers_ = i + 1;
    return true;
  }
  if (may_be && !is_finishing_) return false;
  is_start_ = form_ == Form::bare;  // another one may follow
  state_ = State::text;
  return true;
}

void CallParser::begin(std::string name, Events& events) {
  if (handing_ == Handing::at_once) {
    is_handed_ = has_calls_ = true;
    raw_.clear(), blanks_.clear();
  }
  keys_.clear();
  object_.clear();
  emit({Kind::begin, std::move(name)}, events);
}

void CallParser::add_arguments(std::string text, Events& events) {
  object_ += text;
  if (!text.empty()) emit({Kind::arguments, std::move(text)}, events);
}

void CallParser::end_call(Events& events) {
  trailers_ = 0;
  state_ = State::trailer;
  // What only a whole look finds: a key twice, half a surrogate.
  if (!parse_json(object_, kCallLimits)) {
    if (!is_handed_) fail(events);
    return;
  }
  emit({Kind::end, std::move(object_)}, events);
  for (CallEvent& event : staged_) events.push_back(std::move(event));
  staged_.clear();
  raw_.clear(), blanks_.clear();
  is_handed_ = has_calls_ = true;
}

bool CallParser::fail(Events& events) {
  staged_.clear();
  const std::string text = is_handed_ ? "" : blanks_ + raw_;
  raw_.clear(), blanks_.clear();
  is_handed_ = true;
  state_ = State::text;
  if (!text.empty()) emit({Kind::text, text}, events);
  return true;
}

void CallParser::take(size_t bytes) {
  if (!is_handed_) raw_ += std::string_view(pending_).substr(0, bytes);
  pending_.erase(0, bytes);
}

void CallParser::emit(CallEvent event, Events& events) {
  const bool is_staged = event.kind != Kind::text && handing_ == Handing::whole;
  Events& to = is_staged ? staged_ : events;
  const bool joins = event.kind == Kind::text || event.kind == Kind::arguments;
  if (joins && !to.empty() && to.back().kind == event.kind)
    to.back().text += event.text;
  else
    to.push_back(std::move(event));
}

std::string CallParser::tag(const char* name, bool closes) const {
  return (closes ? "</" : "<") + std::string(kDsml) + (is_spaced_ ? " " : "") + name;
}

}  // namespace weir

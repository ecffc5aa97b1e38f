// Any text as a reply with calls of tools: how it is cut makes no difference, and in a whole
// reading no byte is lost that is not part of a call.
#include <cstdlib>
#include <string>

#include "chat/call_parser.h"
#include "chat/chat_tools.h"

namespace {

std::string read(const weir::Json& tools, std::string_view text, size_t step,
                 weir::CallParser::Handing handing, bool& has_calls) {
  weir::CallParser parser(tools, handing);
  std::vector<weir::CallEvent> events;
  for (size_t at = 0; at < text.size(); at += step) parser.push(text.substr(at, step), events);
  parser.finish(events);
  std::string words, calls;
  for (const weir::CallEvent& event : events) {
    has_calls |= event.kind == weir::CallEvent::Kind::begin;
    if (event.kind == weir::CallEvent::Kind::text)
      words += event.text;
    else
      calls += (event.kind == weir::CallEvent::Kind::begin ? "|" : "") + event.text;
    if (event.kind == weir::CallEvent::Kind::end && !weir::parse_json(event.text)) std::abort();
  }
  return words + calls;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const weir::Json tools = *weir::check_tools(*weir::parse_json(R"([{"name": "f"}])"));
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const auto handing :
       {weir::CallParser::Handing::whole, weir::CallParser::Handing::at_once}) {
    bool has_calls = false;
    const std::string whole = read(tools, text, size + 1, handing, has_calls);
    for (const size_t step : {1, 7})
      if (read(tools, text, step, handing, has_calls) != whole) std::abort();
    if (!has_calls && whole != text) std::abort();
  }
  return 0;
}

#include "guard/content_label.h"

#include "base/text.h"

namespace weir {
namespace {

std::string visible_in(std::string_view text, const PolicyLabel& label, const std::string& before,
                       const std::string& after) {
  std::string all(text);
  if (label.visible.empty()) return all;
  const std::string mark = before + label.visible + after;
  return label.at_end ? all + (all.ends_with('\n') ? "" : "\n") + "\n" + mark + "\n"
                      : mark + "\n\n" + all;
}

std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '"')
      out += "&quot;";
    else if (c == '&')
      out += "&amp;";
    else if (c == '<')
      out += "&lt;";
    else
      out += c;
  }
  return out;
}

}  // namespace

Json label_json(const PolicyLabel& label, const std::string& id) {
  Json inner = Json::object();
  inner.set("Label", "1");
  inner.set("ContentProducer", label.producer);
  inner.set("ProduceID", id);
  for (const char* name : {"ReservedCode1", "ContentPropagator", "PropagateID", "ReservedCode2"})
    inner.set(name, "");
  Json j = Json::object();
  j.set("AIGC", std::move(inner));
  return j;
}

Result<std::string> labelled_file(std::string_view text, const std::string& path,
                                  const PolicyLabel& label, const std::string& id) {
  const Json data = label_json(label, id);
  const Json& inner = *data.find("AIGC");
  if (text.find("\"AIGC\"") != text.npos || text.find("\nAIGC:") != text.npos ||
      text.find("name=\"AIGC\"") != text.npos)
    return Error{path + ": has a label already"};
  if (path.ends_with(".json")) {
    Json json = TRY_IN(path, parse_json(text));
    if (!json.is_object()) return Error{path + ": is no object, so it has no place for a label"};
    json.set("AIGC", inner);
    return json.dump(2) + "\n";
  }
  if (path.ends_with(".md")) {
    const std::string line = "AIGC: " + inner.dump() + "\n";
    const size_t end = text.starts_with("---\n") ? text.find("\n---\n", 3) : text.npos;
    if (end != text.npos) {  // its own metadata
      std::string_view rest = text.substr(end + 5);
      while (rest.starts_with('\n')) rest.remove_prefix(1);
      return "---\n" + line + std::string(text.substr(4, end + 5 - 4)) + "\n" +
             visible_in(rest, label, "", "");
    }
    return "---\n" + line + "---\n\n" + visible_in(text, label, "", "");
  }
  if (path.ends_with(".html")) {
    std::string all(text);
    const size_t head = all.find("<head>");
    const std::string meta = "<meta name=\"AIGC\" content=\"" + escaped(inner.dump()) + "\">";
    all.insert(head == all.npos ? 0 : head + 6, meta);
    if (label.visible.empty()) return all;
    const size_t body = all.rfind("</body>");
    all.insert(body == all.npos ? all.size() : body, "<p>" + escaped(label.visible) + "</p>");
    return all;
  }
  if (path.ends_with(".txt")) {
    if (label.visible.empty())
      return Error{path + ": plain text has no metadata, and the policy has no visible label"};
    return visible_in(text, label, "", "");
  }
  return Error{path + ": labels go into .json, .md, .html and .txt"};
}

}  // namespace weir

// YAML text to Json, with the line of every key. yaml-cpp stays in this file.
#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <charconv>
#include <sstream>

#include "base/options.h"
#include "base/text.h"

namespace weir {
namespace {

// Aliases (*name) repeat what they name, so values and bytes are counted after expanding them.
constexpr size_t kBytesMax = 1 << 20;
constexpr size_t kValuesMax = 10'000;
constexpr size_t kKeyBytesMax = 200;
constexpr int kDepthMax = 32;

// YAML 1.2, 10.3.2 (core schema), without the infinities, which no option accepts.
Json plain_scalar(const std::string& text) {
  auto is = [&](std::initializer_list<const char*> words) {
    for (const char* word : words)
      if (text == word) return true;
    return false;
  };
  if (is({"", "~", "null", "Null", "NULL"})) return Json();
  if (is({"true", "True", "TRUE"})) return Json(true);
  if (is({"false", "False", "FALSE"})) return Json(false);
  if (text.starts_with("0x") || text.starts_with("0o")) {
    uint64_t value = 0;
    const char* end = text.data() + text.size();
    auto read = std::from_chars(text.data() + 2, end, value, text[1] == 'x' ? 16 : 8);
    bool good = text.size() > 2 && read.ec == std::errc() && read.ptr == end;
    if (good && value <= uint64_t(INT64_MAX)) return Json(int64_t(value));
    return good ? Json(value) : Json(text);
  }
  std::string_view number = text;
  if (number.size() > 1 && number[0] == '+' && number[1] != '-') number.remove_prefix(1);
  if (number.find_first_not_of("0123456789.eE+-") != number.npos) return Json(text);
  if (auto whole = parse_int(number)) return Json(*whole);
  if (auto real = parse_double(number)) return Json(*real);
  return Json(text);
}

struct Converter {
  const std::string& path;
  std::map<std::string, int>& lines;
  size_t values = 0, bytes = 0;

  Error error(const YAML::Node& node, const std::string& what) const {
    return {fmt::format("{}:{}: {}", path, node.Mark().line + 1, what)};
  }

  Result<Json> convert(const YAML::Node& node, const std::string& key, int depth) {
    if (depth > kDepthMax)
      return error(node, fmt::format("nested deeper than {} levels", kDepthMax));
    if (++values > kValuesMax) return error(node, fmt::format("more than {} values", kValuesMax));
    if (!node.IsDefined() || node.IsNull()) return Json();
    const std::string& tag = node.Tag();  // "?" for a plain value, "!" for a quoted one
    bool is_text = tag == "!" || tag == "tag:yaml.org,2002:str";
    if (!tag.empty() && tag != "?" && !(is_text && node.IsScalar()))
      return error(node, "tags ('" + printable(tag) + "') are not supported; remove it");
    if (node.IsScalar()) {
      if ((bytes += node.Scalar().size()) > kBytesMax)
        return error(node, "more than 1 MiB of text");
      return is_text ? Json(node.Scalar()) : plain_scalar(node.Scalar());
    }
    if (node.IsSequence()) {
      Json list = Json::array();
      for (const YAML::Node& item : node) list.push(TRY(convert(item, key, depth + 1)));
      return list;
    }
    Json object = Json::object();
    for (const auto& entry : node) TRY(add_member(entry.first, entry.second, key, depth, object));
    return object;
  }

  Result<void> add_member(const YAML::Node& name, const YAML::Node& value, const std::string& key,
                          int depth, Json& object) {
    if (!name.IsScalar()) return error(name, "a key must be a word");
    const std::string& word = name.Scalar();
    if (word.size() > kKeyBytesMax)
      return error(name, fmt::format("a key of more than {} bytes", kKeyBytesMax));
    std::string full = key.empty() ? word : key + "." + word;
    if (object.find(word)) return error(name, "key '" + printable(full) + "' appears twice");
    lines[full] = name.Mark().line + 1;
    object.set(word, TRY(convert(value, full, depth + 1)));
    return {};
  }
};

// Sees the documents of a text begin. YAML::Load() reads the first and ignores the rest, and
// YAML::LoadAll() of yaml-cpp 0.7 finds documents without end in some malformed texts.
struct DocumentCounter : YAML::EventHandler {
  int documents = 0, line = 0;  // how many began, and where the last one did
  void OnDocumentStart(const YAML::Mark& mark) override { ++documents, line = mark.line + 1; }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
  void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t,
                const std::string&) override {}
  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {}
  void OnMapEnd() override {}
};

// What yaml-cpp would misread in silence: it takes byte 4 for the end of the text.
Result<void> check_characters(std::string_view text, const std::string& path) {
  int line = 1;
  const size_t bad = first_invalid_utf8(text);
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\n') ++line;
    if (i == bad) return Error{fmt::format("{}:{}: is no UTF-8 text", path, line)};
    unsigned char c = static_cast<unsigned char>(text[i]);
    if ((c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7f)
      return Error{fmt::format("{}:{}: a control character (byte {})", path, line, c)};
  }
  return {};
}

}  // namespace

Result<Recipe> Recipe::parse(std::string_view text, const std::string& path) {
  if (text.size() > kBytesMax) return Error{path + ": is larger than 1 MiB; this is no recipe"};
  TRY(check_characters(text, path));
  Recipe recipe;
  recipe.path = path;
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    DocumentCounter counter;
    while (counter.documents < 2 && parser.HandleNextDocument(counter)) {
    }
    if (counter.documents > 1)
      return Error{
          fmt::format("{}:{}: the recipe has ended here, but text follows; separate "
                      "documents ('---') belong into separate files",
                      path, counter.line)};
    YAML::Node root = YAML::Load(std::string(text));
    if (!root.IsMap())
      return Error{path + ": a recipe is made of 'key: value' lines, and this file has none"};
    recipe.root = TRY((Converter{path, recipe.lines}.convert(root, "", 0)));
  } catch (const YAML::Exception& e) {
    std::string place = e.mark.is_null() ? path : fmt::format("{}:{}", path, e.mark.line + 1);
    return Error{place + ": malformed YAML: " + printable(e.msg)};
  } catch (const std::exception& e) {
    return Error{path + ": malformed YAML: " + printable(e.what())};
  }
  return recipe;
}

}  // namespace weir

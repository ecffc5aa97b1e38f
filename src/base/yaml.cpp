// YAML text to Json, with the line of every key. yaml-cpp stays in this file.
#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <charconv>
#include <cmath>

#include "base/options.h"
#include "base/text.h"

namespace weir {
namespace {

constexpr int kDepthMax = 32;
constexpr size_t kNodesMax = 100'000;
constexpr size_t kBytesMax = 1 << 20;

struct Converter {
  const std::string& path;
  std::map<std::string, int>& lines;
  size_t nodes = 0;

  Error error(const YAML::Node& node, const std::string& what) const {
    return {fmt::format("{}:{}: {}", path, node.Mark().line + 1, what)};
  }

  // YAML 1.2 core schema: true/false, null, integers, floats; everything quoted is a string.
  static Json scalar(const YAML::Node& node) {
    const std::string& text = node.Scalar();
    if (node.Tag() == "!") return Json(text);  // quoted
    if (text == "true") return Json(true);
    if (text == "false") return Json(false);
    if (text.empty() || text == "null" || text == "~") return Json();
    std::string_view number = text;
    if (number[0] == '+') number.remove_prefix(1);
    if (auto whole = parse_int(number)) return Json(*whole);
    auto real = parse_double(number);
    bool numeric = number.find_first_not_of("0123456789.eE+-") == number.npos;
    if (real && numeric && std::isfinite(*real)) return Json(*real);
    return Json(text);
  }

  Result<Json> convert(const YAML::Node& node, const std::string& key, int depth) {
    if (depth > kDepthMax) return error(node, fmt::format("nested deeper than {} levels", kDepthMax));
    if (++nodes > kNodesMax) return error(node, fmt::format("more than {} values", kNodesMax));
    if (node.IsNull() || !node.IsDefined()) return Json();
    if (node.IsScalar()) return scalar(node);
    if (node.IsSequence()) {
      Json list = Json::array();
      for (const YAML::Node& item : node) list.push(TRY(convert(item, key, depth + 1)));
      return list;
    }
    Json object = Json::object();
    for (const auto& entry : node) {
      if (!entry.first.IsScalar()) return error(entry.first, "a key must be a word");
      std::string name = entry.first.Scalar(), full = key.empty() ? name : key + "." + name;
      if (object.find(name)) return error(entry.first, "key '" + full + "' appears twice");
      lines[full] = entry.first.Mark().line + 1;
      object.set(name, TRY(convert(entry.second, full, depth + 1)));
    }
    return object;
  }
};

}  // namespace

Result<Recipe> Recipe::parse(std::string_view text, const std::string& path) {
  if (text.size() > kBytesMax) return Error{path + ": is larger than 1 MiB; this is no recipe"};
  if (size_t bad = first_invalid_utf8(text); bad != std::string_view::npos)
    return Error{fmt::format("{}: is no UTF-8 text (byte {})", path, bad)};
  Recipe recipe;
  recipe.path = path;
  try {
    YAML::Node node = YAML::Load(std::string(text));
    if (!node.IsMap()) return Error{path + ": a recipe is a list of 'key: value' lines, and this file has none"};
    recipe.root = TRY((Converter{path, recipe.lines}.convert(node, "", 0)));
  } catch (const YAML::Exception& e) {
    return Error{fmt::format("{}:{}: {}", path, e.mark.line + 1, e.msg)};
  } catch (const std::exception& e) {
    return Error{fmt::format("{}: malformed YAML: {}", path, e.what())};
  }
  return recipe;
}

}  // namespace weir

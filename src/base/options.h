// Recipes: a YAML file plus "--set key=value" overrides, read into plain structs. A struct lists
// its fields once; reading, checking for unknown keys and writing the resolved recipe come from
// that list.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace weir {

// A YAML document as Json plus the line of every key, for errors. Scalars are typed by YAML 1.2
// core rules: true/false, integers, floats (1e-3 too), null; everything quoted is a string. Limits,
// after expanding aliases: 1 MiB, depth 32, 10,000 values.
struct Recipe {
  std::string path;                  // for messages
  Json root;                         // an object
  std::map<std::string, int> lines;  // "train.lr" -> line number, 1-based; 0: from set()

  static Result<Recipe> read(const std::string& path);
  static Result<Recipe> parse(std::string_view text, const std::string& path);
  // "train.lr=1e-3": the value is parsed as YAML; intermediate objects are made.
  Result<void> set(const std::string& assignment);
};

// Reads one struct's fields from a recipe section; each value is checked for type and range.
//   OptionReader in(recipe);  in.field("steps", options.steps, 1, 10'000'000); ...
//   TRY(in.finish());
// The first error is kept; finish() also refuses unknown keys and suggests the nearest known one.
// Message form: "recipes/demo.yaml:12: 'train.lr' must be a number, not 'fast'".
class OptionReader {
 public:
  explicit OptionReader(const Recipe& recipe) : recipe_(recipe), section_(&recipe.root) {}
  // A nested section; absent sections read as empty. Keep the reader alive until its finish().
  OptionReader section(const std::string& key);

  void field(const std::string& key, int& value, int64_t low, int64_t high);
  void field(const std::string& key, int64_t& value, int64_t low, int64_t high);
  void field(const std::string& key, double& value, double low, double high);
  void field(const std::string& key, bool& value);
  void field(const std::string& key, std::string& value);
  // One of a few words.
  void choice(const std::string& key, std::string& value, const std::vector<std::string>& words);
  // A string or a list of strings.
  void field(const std::string& key, std::vector<std::string>& value);
  // Any JSON value, kept as it is (for example an inline model config).
  void field(const std::string& key, Json& value);
  bool has(const std::string& key) const;
  // The keys that are there, in the recipe's order: for sections whose names are the user's choice.
  std::vector<std::string> keys() const;
  // The section as it was read.
  const Json& json() const { return *section_; }
  // An error of the caller's own about `key`, with file and line.
  Error error(const std::string& key, const std::string& what) const;
  Result<void> finish();

 private:
  OptionReader(const Recipe& recipe, const Json* section, std::string prefix)
      : recipe_(recipe), section_(section), prefix_(std::move(prefix)) {}
  const Json* take(const std::string& key);
  void fail(const std::string& key, const std::string& what);
  const Recipe& recipe_;
  const Json* section_;
  std::string prefix_;
  std::vector<std::string> known_;
  std::string first_error_;
};

}  // namespace weir

// Categories of risk by their published names, and groups of them.
#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace weir {

// `family` "mlcommons": the hazards S1 to S14 of MLCommons' taxonomy as Llama Guard 3 numbers them.
// "tc260": the 31 risks of TC260-003 (2024), appendix A, A1a to A5b; A1 to A5 name its groups.
// "weir": what this program finds by itself: personal, secret, injection, tool, budget, distress.
struct KnownCategory {
  const char* id;
  const char* family;
  const char* group;    // "A1" of "A1a"; "" for the others
  const char* name;     // in English
  const char* chinese;  // in Chinese
};
std::span<const KnownCategory> known_categories();

// A category of a policy: known ones first, in the order above, then the policy's own.
struct Category {
  std::string id, name;
  std::string group = {};
  std::string family = "own";
};

class CategorySet {
 public:
  CategorySet();  // the known ones
  // An own one; fails for an id that exists, or that is no lower-case word with - and _.
  Result<void> add(const std::string& id, const std::string& name);
  // Its number, which findings and heads use; -1: none of that id.
  int find(std::string_view id) const;
  // Of a category, a group ("A1") or a family ("mlcommons", "tc260"), or "all".
  std::vector<int> members(std::string_view id) const;
  const Category& at(int category) const { return list_[size_t(category)]; }
  int size() const { return int(list_.size()); }
  std::vector<std::string> ids() const;

 private:
  std::vector<Category> list_;
};

}  // namespace weir

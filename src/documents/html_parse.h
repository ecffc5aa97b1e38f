// Parsing of HTML that may be hostile, with limits on memory and time.
#pragma once
#include <gumbo.h>

#include <memory>
#include <string_view>

#include "base/result.h"

namespace weir {

// A parsed page; the tree lives as long as this object.
class HtmlTree {
 public:
  // `html` is UTF-8. Errors: more than 16 MiB, or nesting so hostile that parsing takes more memory
  // or time than its size explains.
  static Result<HtmlTree> parse(std::string_view html);
  HtmlTree(HtmlTree&&) noexcept;
  ~HtmlTree();
  const GumboNode* root() const { return root_; }

 private:
  class Memory;
  HtmlTree(std::unique_ptr<Memory> memory, const GumboNode* root);
  std::unique_ptr<Memory> memory_;
  const GumboNode* root_ = nullptr;
};

}  // namespace weir

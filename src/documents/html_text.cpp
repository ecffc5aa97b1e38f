#include "documents/html_text.h"

#include "documents/html_parse.h"
#include "documents/html_render.h"

namespace weir {

Result<std::string> html_to_text(std::string_view html) {
  const HtmlTree tree = TRY(HtmlTree::parse(html));
  return HtmlRenderer().render(tree.root());
}

}  // namespace weir

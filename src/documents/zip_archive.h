// The members of a ZIP container (office formats, EPUB) that a reader wants, with limits against
// bombs.
#pragma once
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "base/result.h"
#include "documents/document.h"

namespace weir {

// Members by name, unpacked.
class ZipArchive {
 public:
  // Unpacks the members for which `wants` is true. Errors: no ZIP file, damaged, encrypted, more
  // than limits.parts members, limits.memory_bytes together, or limits.unpack_ratio times what is
  // stored.
  static Result<ZipArchive> read(std::string_view bytes, const DocumentLimits& limits,
                                 const std::function<bool(const std::string&)>& wants);

  // Null when there is none.
  const std::string* find(const std::string& name) const;
  const std::map<std::string, std::string>& members() const { return members_; }

 private:
  std::map<std::string, std::string> members_;
};

// "xl/worksheets/../media/a.xml" as "xl/media/a.xml"; `path` may be relative to the folder of
// `base`, or absolute with a leading slash. Percent escapes are decoded.
std::string resolve_member(const std::string& base, const std::string& path);

}  // namespace weir

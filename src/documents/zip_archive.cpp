#include "documents/zip_archive.h"

#include <archive.h>
#include <archive_entry.h>

#include <array>
#include <memory>
#include <vector>

#include "base/text.h"

namespace weir {
namespace {

// Smaller members may have any ratio: a sheet of equal cells packs to nothing.
constexpr uint64_t kRatioFreeBytes = uint64_t(1) << 20;

using Archive = std::unique_ptr<archive, decltype(&archive_read_free)>;

std::string reason(archive* from) {
  const char* text = archive_error_string(from);
  return text ? printable(text, 200) : "unknown error";
}

// `stored` is the size of the whole file: a member cannot have more.
Result<std::string> unpack(archive* from, const std::string& name, uint64_t stored,
                           uint64_t bytes_max, const DocumentLimits& limits) {
  std::string bytes;
  std::array<char, size_t(64) << 10> buffer;
  for (;;) {
    const la_ssize_t count = archive_read_data(from, buffer.data(), buffer.size());
    if (count < 0) {
      if (archive_read_has_encrypted_entries(from) > 0)
        return Error{"is encrypted; remove the password in the program that made it"};
      return Error{"'" + printable(name) + "' in it is damaged: " + reason(from)};
    }
    if (count == 0) return bytes;
    bytes.append(buffer.data(), size_t(count));
    if (bytes.size() > bytes_max)
      return Error{"unpacks to more than " + format_bytes(double(limits.memory_bytes)) +
                   "; split the file"};
    if (bytes.size() > kRatioFreeBytes && bytes.size() / limits.unpack_ratio > stored)
      return Error{"'" + printable(name) + "' in it unpacks to more than " +
                   std::to_string(limits.unpack_ratio) + " times its size: a ZIP bomb"};
  }
}

}  // namespace

Result<ZipArchive> ZipArchive::read(std::string_view bytes, const DocumentLimits& limits,
                                    const std::function<bool(const std::string&)>& wants) {
  if (bytes.starts_with("\xD0\xCF\x11\xE0"))
    return Error{
        "is encrypted or of an old binary format (.doc, .xls, .ppt); save it without a password in "
        "the current format"};
  if (!bytes.starts_with("PK")) return Error{"is no ZIP file, as this format must be"};
  const Archive reader(archive_read_new(), archive_read_free);
  archive_read_support_format_zip_seekable(reader.get());
  if (archive_read_open_memory(reader.get(), bytes.data(), bytes.size()) != ARCHIVE_OK)
    return Error{"cannot be unpacked: " + reason(reader.get())};
  ZipArchive zip;
  uint64_t total = 0;
  int count = 0;
  for (archive_entry* entry = nullptr;;) {
    const int status = archive_read_next_header(reader.get(), &entry);
    if (status == ARCHIVE_EOF) break;
    if (status < ARCHIVE_WARN) return Error{"cannot be unpacked: " + reason(reader.get())};
    if (++count > limits.parts)
      return Error{"has more than " + std::to_string(limits.parts) + " members"};
    const char* name = archive_entry_pathname_utf8(entry);
    if (!name) name = archive_entry_pathname(entry);
    if (!name || !wants(name) || zip.members_.contains(name)) continue;
    if (archive_entry_is_encrypted(entry))
      return Error{"is encrypted; remove the password in the program that made it"};
    const uint64_t left = limits.memory_bytes - total;
    std::string member = TRY(unpack(reader.get(), name, bytes.size(), left, limits));
    total += member.size();
    zip.members_.emplace(name, std::move(member));
  }
  return zip;
}

const std::string* ZipArchive::find(const std::string& name) const {
  const auto found = members_.find(name);
  return found == members_.end() ? nullptr : &found->second;
}

std::string resolve_member(const std::string& base, const std::string& path) {
  std::string decoded;
  for (size_t i = 0; i < path.size(); ++i) {
    if (path[i] == '%' && i + 2 < path.size() && hex_digit(path[i + 1]) >= 0 &&
        hex_digit(path[i + 2]) >= 0) {
      decoded += char(hex_digit(path[i + 1]) * 16 + hex_digit(path[i + 2]));
      i += 2;
    } else {
      decoded += path[i];
    }
  }
  std::vector<std::string> parts;
  if (!decoded.starts_with('/')) {
    parts = split(base, '/');
    if (!parts.empty()) parts.pop_back();
  }
  for (const std::string& part : split(decoded, '/')) {
    if (part == "..") {
      if (!parts.empty()) parts.pop_back();
    } else if (!part.empty() && part != ".") {
      parts.push_back(part);
    }
  }
  std::string joined;
  for (const std::string& part : parts)
    if (!part.empty()) joined += (joined.empty() ? "" : "/") + part;
  return joined;
}

}  // namespace weir

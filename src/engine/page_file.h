// A page of the key/value cache as a file: 32 positions of all layers, and of which tokens, model
// and owner. Read as untrusted: a file that is damaged or of another model is an error.
//
// Little-endian. All texts are SHA-256 in lower-case hex.
//   0    8  "weirpage"
//   8    4  version, 1
//   12   4  tokens, 32
//   16   8  bytes of the page
//   24   8  checksum of the page
//   32   64 model: model_key.h
//   96   64 owner: SHA-256 of its name
//   160  64 parent: the key of the page before; of the first page the owner
//   224  4 * 32  the tokens
//   352  8  multiplications by weights to compute one token: what the page saves, for eviction
//   360  8  checksum of bytes [0, 360)
//   368     zeros up to 512, where the page begins
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "base/result.h"
#include "tensor/cache.h"

namespace weir {

// What the rows of a page depend on.
struct PageIdentity {
  std::string model, owner, parent;
  std::array<int32_t, kCachePage> tokens = {};
  bool operator==(const PageIdentity&) const = default;
  // SHA-256 of all of it in hex: the page's name. It depends on all tokens before by `parent`.
  std::string key() const;
};

constexpr size_t kPageHeaderBytes = 512;
using PageHeaderBytes = std::array<std::byte, kPageHeaderBytes>;

struct PageHeader {
  PageIdentity identity;
  uint64_t page_bytes = 0, checksum = 0, work = 0;
};

PageHeaderBytes page_header(const PageIdentity& identity, std::span<const std::byte> page,
                            uint64_t work);
Result<PageHeader> parse_page_header(std::span<const std::byte> bytes);
Result<PageHeader> read_page_header(const std::string& path);

// Reads the page that `wanted` names straight into `page`, whose size is known. The error names the
// path; `page` may have been written then. False: there is no such file.
Result<bool> read_page_file(const std::string& path, const PageIdentity& wanted,
                            std::span<std::byte> page);

}  // namespace weir

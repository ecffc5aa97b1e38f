// Room on a disk, asked for before a large file is begun.
#pragma once
#include <cstdint>
#include <string>

#include "base/result.h"

namespace weir {

// Bytes that this user may still write where `path` is or will be: on the disk of its nearest
// folder that exists. No value where the system does not say.
Result<uint64_t> free_disk_space(const std::string& path);

// An error when `bytes` more do not fit there: "PATH: needs 384 GiB, 54 GiB are free ...". Where
// the system does not say, they are taken to fit. A file that `path` replaces counts as occupied,
// since it stays until the new one is complete.
Result<void> check_disk_space(const std::string& path, uint64_t bytes);

}  // namespace weir

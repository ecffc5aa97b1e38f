#include "cli/prefix_cache_flags.h"

namespace weir {

PrefixStoreOptions PrefixCacheFlags::store() const {
  PrefixStoreOptions options;
  options.folder = folder;
  options.bytes_max = uint64_t(limit_gib * double(size_t(1) << 30));
  return options;
}

void add_prefix_cache(CommandBuilder& command, PrefixCacheFlags& flags) {
  command.option("--prefix-cache", flags.folder, "DIR",
                 "folder that keeps the KV cache of prompts and replies for later runs [none]");
  command
      .value("--prefix-cache-limit", flags.limit_gib, "GIB", "size of that folder in GiB, at most")
      .real_number(0, 1e6);
}

}  // namespace weir

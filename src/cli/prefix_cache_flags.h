// --prefix-cache and --prefix-cache-limit, of the commands that generate.
#pragma once
#include <string>

#include "cli/command_builder.h"
#include "engine/prefix_store.h"

namespace weir {

struct PrefixCacheFlags {
  std::string folder;     // "": nothing is stored
  double limit_gib = 10;  // of all files in the folder
  PrefixStoreOptions store() const;
};

void add_prefix_cache(CommandBuilder& command, PrefixCacheFlags& flags);

}  // namespace weir

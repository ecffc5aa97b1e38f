// `weir guard label`: labels files as generated content (GB 45438-2025).
#include <fmt/format.h>

#include "base/atomic_output.h"
#include "base/file.h"
#include "base/sha256.h"
#include "cli/guard_commands.h"
#include "guard/content_label.h"

namespace weir {
namespace {

struct GuardLabelOptions {
  std::string policy, id;
  std::vector<std::string> files;
};

constexpr size_t kLabelledMax = size_t(256) << 20;

Result<void> label_files(const GuardLabelOptions& options) {
  const Policy policy = TRY(Policy::read(options.policy));
  if (policy.label.producer.empty())
    return Error{policy.path + ": has no label.producer, which the metadata names"};
  for (const std::string& file : options.files) {
    const std::string text = TRY(read_file(file, kLabelledMax));
    const std::string id = options.id.empty() ? sha256_hex(text) : options.id;
    const std::string labelled = TRY(labelled_file(text, file, policy.label, id));
    TRY(write_file_atomic(file, labelled));
    fmt::print("{} is labelled\n", file);
  }
  return {};
}

}  // namespace

void add_guard_label(CommandGroup& group) {
  auto [c, o] =
      group.add("label", "label files as generated (GB 45438-2025)", label_files, Writes::files);
  c.argument("POLICY", o.policy, "YAML file or name of a shipped policy").required();
  c.argument("FILE", o.files, "files to label: .json, .md, .html, .txt", "...").required();
  c.option("--id", o.id, "ID", "number of the content [the SHA-256 of the file]");
}

}  // namespace weir

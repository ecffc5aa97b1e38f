#include "engine/panel_cache.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <vector>

#include "base/file.h"
#include "base/progress.h"
#include "engine/model_key.h"
#include "tensor/panel_set.h"

namespace weir {
namespace {

// Panels of made-up rows, of each type that the model has: they change when a version of the
// program repacks in another way. Panels are the same on every processor.
std::vector<std::byte> repacking_probe(std::span<const Matrix* const> matrices) {
  std::vector<std::byte> probe;
  std::vector<WeightType> seen;
  for (const Matrix* matrix : matrices) {
    if (std::find(seen.begin(), seen.end(), matrix->type) != seen.end()) continue;
    seen.push_back(matrix->type);
    constexpr int kNumbers = 512;
    const size_t row_bytes = type_bytes(matrix->type, kNumbers);
    std::vector<uint8_t> rows(kPanelRows * row_bytes);
    for (size_t i = 0; i < rows.size(); ++i) rows[i] = uint8_t(i * 167 + i / 256 * 13);
    std::vector<uint8_t> panel(panel_bytes(matrix->type, kNumbers));
    kernels().repack_panel(matrix->type, rows.data(), row_bytes, kPanelRows, kNumbers,
                           panel.data());
    const auto bytes = std::as_bytes(std::span(panel));
    probe.insert(probe.end(), bytes.begin(), bytes.end());
  }
  return probe;
}

void note(const std::string& message) { fmt::print(stderr, "note: {}\n", message); }

Result<void> write(const std::string& path, const std::string& key, const PanelSet& panels,
                   ThreadPool& pool) {
  const PanelFileLayout layout(shapes_of(panels.matrices()));
  Progress progress("repacking weights, once", double(layout.bytes) / 1e6, "MB");
  TRY(write_panel_file(path, key, panels.matrices(), pool, progress));
  progress.finish();
  return {};
}

}  // namespace

Result<void> use_panel_cache(Model& model, const std::string& folder,
                             const std::string& model_files, ThreadPool& pool) {
  PanelSet* panels = model.panels();
  if (!panels) return {};
  if (!is_directory(folder)) TRY(make_private_directories(folder));
  const std::string key = model_key(model, repacking_probe(panels->matrices()), model_files);
  const std::string path = join_path(folder, key.substr(0, 16) + ".panels");
  const std::vector<PanelShape> shapes = shapes_of(panels->matrices());
  if (file_exists(path)) {
    auto file = PanelFile::open(path, key, shapes);
    if (file) {
      panels->use(*std::move(file));
      return {};
    }
    note(file.error().message + "; it is written anew");
  }
  if (const auto written = write(path, key, *panels, pool); !written) {
    note(written.error().message + "; repacked weights are not kept");
    return {};
  }
  panels->use(TRY(PanelFile::open(path, key, shapes)));
  return {};
}

}  // namespace weir

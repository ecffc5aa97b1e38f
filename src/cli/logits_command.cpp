#include "cli/logits_command.h"

#include <fmt/format.h>

#include <cmath>

#include "base/aside.h"
#include "base/file.h"
#include "base/progress.h"
#include "chat/open_model.h"
#include "engine/scorer.h"
#include "kernels/kernels.h"

namespace weir {
namespace {

// The header of NumPy's format 1.0 for a little-endian f32 matrix, padded to 64 bytes.
std::string npy_header(size_t rows, size_t columns) {
  std::string dictionary =
      fmt::format("{{'descr': '<f4', 'fortran_order': False, 'shape': ({}, {}), }}", rows, columns);
  const size_t before = 10;  // magic, version, length
  dictionary.append(63 - (before + dictionary.size()) % 64, ' ');
  dictionary += '\n';
  std::string header("\x93NUMPY\x01\x00", 8);
  header += char(dictionary.size() & 255);
  header += char(dictionary.size() >> 8);
  return header + dictionary;
}

}  // namespace

Result<Ending> logits(const LogitsOptions& options) {
  if (options.tokens.empty())
    return Error{"--tokens needs at least one token id, as in --tokens 1,2,3"};
  if (!options.out.ends_with(".npy"))
    return Error{options.out + ": --out must end in .npy, so that nothing else is overwritten"};
  const auto checkpoint = TRY(open_checkpoint(options.model));
  const std::unique_ptr<Model> model = TRY(Model::open(checkpoint));
  ThreadPool pool(options.threads);
  model->pack(pool);
  const auto scorer =
      TRY_IN(options.model,
             Scorer::create(*model, pool, int(options.tokens.size()),
                            options.cache == "latent" ? CacheForm::latent : CacheForm::expanded,
                            options.chunk));
  scorer->exact = options.exact;
  TRY(remove_stale_asides_of(options.out));
  const std::string aside = aside_name(options.out);
  const size_t columns = size_t(model->config().vocab_size);
  const std::string header = npy_header(options.tokens.size(), columns);
  FileWriter writer = TRY(FileWriter::create(aside));
  TRY(writer.write(header.data(), header.size()));
  Progress progress("logits", double(options.tokens.size()), "tokens");
  bool was_stopped = false;
  const auto write = [&](int first, Tensor rows) -> Result<void> {
    if (stop_requested()) {
      was_stopped = true;
      return Error{"stopped"};
    }
    for (int r = 0; r < rows.rows; ++r) {
      if (!std::isfinite(kernels().sum(rows.row(r), int(columns))))
        return Error{
            fmt::format("the scores of token {} are not finite; the file is damaged", first + r)};
      TRY(writer.write(rows.row(r), columns * sizeof(float)));
    }
    progress.update(first + rows.rows);
    return {};
  };
  catch_stop_signals();
  Result<void> scored = scorer->logits(options.tokens, write);
  if (was_stopped) return Ending::interrupted;
  TRY_IN(options.model, std::move(scored));
  TRY(writer.close());
  TRY(rename_path(aside, options.out));
  progress.finish();
  fmt::print(stderr, "{} x {} logits in {}\n", options.tokens.size(), columns, options.out);
  return Ending::done;
}

}  // namespace weir

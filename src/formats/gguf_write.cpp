// Writing GGUF: the parts are planned first, then the data streams through. What the reader would
// refuse is refused here before anything is written.
#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <limits>
#include <unordered_set>

#include "base/atomic_output.h"
#include "base/disk_space.h"
#include "base/div_up.h"
#include "base/text.h"
#include "formats/gguf.h"
#include "formats/gguf_layout.h"
#include "formats/gguf_tables.h"

namespace weir {
namespace {

using Width = GgufMetadata::Width;

constexpr size_t kNameMax = 63;  // bytes; GGML_MAX_NAME of llama.cpp with its zero
constexpr int64_t kQuantizationVersion = 2;

void put(std::string& out, uint64_t value, size_t bytes) {
  for (size_t i = 0; i < bytes; ++i) out += char(value >> (8 * i));
}

void put_text(std::string& out, std::string_view text) {
  put(out, text.size(), 8);
  out += text;
}

bool is_float(Width width) { return width == Width::f32 || width == Width::f64; }

struct Range {
  size_t bytes;
  int64_t least, most;
};

Range range_of(Width width) {
  auto of = [](auto number) {
    using Limits = std::numeric_limits<decltype(number)>;
    return Range{sizeof number, int64_t(Limits::min()),
                 int64_t(std::min(uint64_t(Limits::max()), uint64_t(INT64_MAX)))};
  };
  switch (width) {
    case Width::u8:
      return of(uint8_t());
    case Width::i8:
      return of(int8_t());
    case Width::u16:
      return of(uint16_t());
    case Width::i16:
      return of(int16_t());
    case Width::i32:
      return of(int32_t());
    case Width::u64:
      return of(uint64_t());
    case Width::i64:
      return of(int64_t());
    default:
      return of(uint32_t());
  }
}

void put_float(std::string& out, double value, Width width) {
  if (width == Width::f64)
    put(out, std::bit_cast<uint64_t>(value), 8);
  else
    put(out, std::bit_cast<uint32_t>(float(value)), 4);
}

uint32_t type_of(bool, Width) { return kGgufBool; }
uint32_t type_of(const std::string&, Width) { return kGgufText; }
uint32_t type_of(int64_t, Width width) { return uint32_t(width); }
uint32_t type_of(double, Width width) { return uint32_t(width); }

// Visits a value: writes its type and itself; fails for one that its type can not hold.
struct ValueWriter {
  std::string& out;
  Width width;

  template <class T>
  Result<void> operator()(const T& value) const {
    put(out, type_of(value, width), 4);
    return one(value);
  }
  template <class T>
  Result<void> operator()(const std::vector<T>& values) const {
    if (values.size() > kGgufArrayMax)
      return Error{fmt::format("an array of {} elements, at most {} are possible", values.size(),
                               kGgufArrayMax)};
    put(out, kGgufArray, 4);
    put(out, type_of(T(), width), 4);
    put(out, values.size(), 8);
    for (const T& value : values) TRY(one(value));
    return {};
  }

  Result<void> one(bool value) const {
    out += char(value);
    return {};
  }
  Result<void> one(int64_t value) const {
    if (is_float(width)) return one(double(value));
    Range range = range_of(width);
    if (value < range.least || value > range.most)
      return Error{fmt::format("the number {} does not fit {} bytes", value, range.bytes)};
    put(out, uint64_t(value), range.bytes);
    return {};
  }
  Result<void> one(double value) const {
    if (!is_float(width)) return Error{fmt::format("{} can not be written as whole number", value)};
    put_float(out, value, width);
    return {};
  }
  Result<void> one(const std::string& text) const {
    if (text.size() > kGgufTextMax)
      return Error{
          fmt::format("a string of {} bytes, at most {} are possible", text.size(), kGgufTextMax)};
    put_text(out, text);
    return {};
  }
};

Result<void> put_entry(std::string& out, const GgufMetadata::Entry& entry) {
  std::string place = fmt::format("key '{}'", printable(entry.key));
  if (entry.key.empty() || entry.key.size() > kGgufKeyBytesMax ||
      first_invalid_utf8(entry.key) != std::string::npos)
    return Error{place + " is no name"};
  put_text(out, entry.key);
  TRY_IN(place, std::visit(ValueWriter{out, entry.width}, entry.value));
  return {};
}

struct Part {
  std::string path;
  size_t begin = 0, end = 0;  // of its tensors
};

}  // namespace

struct GgufWriter::State {
  std::string path;
  GgufMetadata metadata;
  std::vector<Tensor> tensors;
  std::vector<uint64_t> bytes;  // by tensor
  uint64_t alignment = kGgufAlignment;
  std::vector<Part> parts;
  AtomicFiles files;
  size_t part = 0, tensor = 0;  // being written
  uint64_t done = 0;            // bytes of the tensor

  uint64_t padded(size_t i) const { return round_up(bytes[i], alignment); }
  Result<void> check_tensors();
  Result<void> plan_parts(uint64_t split_bytes);
  Result<std::string> header(const Part& part) const;
  Result<void> begin_part();
  Result<void> pad_and_go_on();
};

Result<void> GgufWriter::State::check_tensors() {
  if (tensors.size() > kGgufTensorsMax)
    return Error{
        fmt::format("{} tensors, at most {} are possible", tensors.size(), kGgufTensorsMax)};
  std::unordered_set<std::string_view> names;
  bool quantized = false;
  for (const Tensor& info : tensors) {
    std::string place = fmt::format("tensor '{}'", printable(info.name));
    if (info.name.empty() || info.name.size() > kNameMax ||
        first_invalid_utf8(info.name) != std::string::npos)
      return Error{fmt::format("{}: its name must be UTF-8 of 1 to {} bytes", place, kNameMax)};
    if (has_scale_squares(info.type))
      return Error{place + ": GGUF has no f8_e4m3; convert it to bf16 or a quantized type"};
    if (is_expert_table(info.name) && info.type != WeightType::f32)
      return Error{place + ": is a table of experts, which is not quantized"};
    if (!names.insert(info.name).second) return Error{place + " is there twice"};
    bytes.push_back(TRY_IN(place, gguf_tensor_bytes(info.type, info.shape)));
    quantized = quantized || type_traits(info.type).block > 1;
  }
  if (quantized && !metadata.find("general.quantization_version"))
    metadata.set("general.quantization_version", kQuantizationVersion);
  return {};
}

// Tensors go to parts in their order; one that is larger than a part has a part of its own.
Result<void> GgufWriter::State::plan_parts(uint64_t split_bytes) {
  uint64_t in_part = 0;
  parts.push_back({path, 0, 0});
  for (size_t i = 0; i < tensors.size(); ++i) {
    if (split_bytes > 0 && in_part > 0 && in_part + padded(i) > split_bytes) {
      parts.push_back({path, i, i});
      in_part = 0;
    }
    in_part += padded(i);
    parts.back().end = i + 1;
  }
  if (parts.size() == 1) return {};
  constexpr std::string_view kEnding = ".gguf";
  if (!has_gguf_name(path))
    return Error{fmt::format("{}: the name of a split model must end in '{}'", path, kEnding)};
  if (parts.size() > kGgufPartsMax)
    return Error{fmt::format("{}: {} parts, at most {} are possible; choose larger ones", path,
                             parts.size(), kGgufPartsMax)};
  std::string prefix = path.substr(0, path.size() - kEnding.size());
  for (size_t i = 0; i < parts.size(); ++i)
    parts[i].path = prefix + gguf_part_suffix(i, parts.size());
  return {};
}

// Everything before the data. The first part has the metadata; the others say only what they are.
Result<std::string> GgufWriter::State::header(const Part& written) const {
  GgufMetadata entries;
  for (const GgufMetadata::Entry& entry : metadata.entries()) {
    bool everywhere = entry.key == "general.alignment";
    if (entry.key.starts_with("split.")) continue;  // of the files this was read from
    if (written.begin == 0 || everywhere) entries.set(entry.key, entry.value, entry.width);
  }
  if (parts.size() > 1) {
    entries.set("split.no", int64_t(&written - parts.data()), Width::u16);
    entries.set("split.count", int64_t(parts.size()), Width::u16);
    entries.set("split.tensors.count", int64_t(tensors.size()), Width::i32);
  }
  if (entries.entries().size() > kGgufKeysMax)
    return Error{fmt::format("more than {} keys", kGgufKeysMax)};
  std::string out = "GGUF";
  put(out, kGgufVersion, 4);
  put(out, written.end - written.begin, 8);
  put(out, entries.entries().size(), 8);
  for (const GgufMetadata::Entry& entry : entries.entries()) TRY(put_entry(out, entry));
  uint64_t offset = 0;
  for (size_t i = written.begin; i < written.end; ++i) {
    const Tensor& info = tensors[i];
    put_text(out, info.name);
    put(out, info.shape.size(), 4);
    for (auto size = info.shape.rbegin(); size != info.shape.rend(); ++size) put(out, *size, 8);
    put(out, uint64_t(is_expert_table(info.name) ? kGgufInt32 : int(info.type)), 4);
    put(out, offset, 8);
    offset += padded(i);
  }
  out.resize(round_up(out.size(), alignment), '\0');
  return out;
}

Result<void> GgufWriter::State::begin_part() {
  std::string text = TRY_IN(path, header(parts[part]));
  TRY(files.begin(parts[part].path));
  return files.write(text.data(), text.size());
}

// After the last byte of a tensor: zeros up to the alignment, then perhaps the next part.
Result<void> GgufWriter::State::pad_and_go_on() {
  std::string zeros(size_t(padded(tensor) - bytes[tensor]), '\0');
  TRY(files.write(zeros.data(), zeros.size()));
  ++tensor;
  done = 0;
  if (tensor < parts[part].end) return {};
  TRY(files.end());
  if (++part < parts.size()) return begin_part();
  return {};
}

GgufWriter::GgufWriter(std::unique_ptr<State> state) : state_(std::move(state)) {}
GgufWriter::GgufWriter(GgufWriter&&) noexcept = default;
GgufWriter::~GgufWriter() = default;

Result<GgufWriter> GgufWriter::create(const std::string& path, const GgufMetadata& metadata,
                                      std::vector<Tensor> tensors, uint64_t split_bytes) {
  auto state = std::make_unique<State>();
  state->path = path;
  state->metadata = metadata;
  state->tensors = std::move(tensors);
  state->alignment = TRY_IN(path, gguf_alignment(metadata));
  TRY_IN(path, state->check_tensors());
  TRY(state->plan_parts(split_bytes));
  uint64_t total = 0;
  for (uint64_t bytes : state->bytes) total += bytes;
  TRY(check_disk_space(path, total));
  TRY(state->begin_part());
  if (state->tensors.empty()) TRY(state->files.end());
  return GgufWriter(std::move(state));
}

Result<void> GgufWriter::write(std::span<const std::byte> piece) {
  State& s = *state_;
  while (!piece.empty()) {
    if (!s.files.is_open())
      return Error{fmt::format("{}: more data than its tensors take, or after an error", s.path)};
    size_t count = size_t(std::min<uint64_t>(piece.size(), s.bytes[s.tensor] - s.done));
    TRY(s.files.write(piece.data(), count));
    s.done += count;
    piece = piece.subspan(count);
    if (s.done == s.bytes[s.tensor]) TRY(s.pad_and_go_on());
  }
  return {};
}

Result<std::vector<std::string>> GgufWriter::finish() {
  State& s = *state_;
  if (s.tensor < s.tensors.size())
    return Error{fmt::format("{}: tensor '{}' has {} of its {} bytes", s.path,
                             s.tensors[s.tensor].name, s.done, s.bytes[s.tensor])};
  TRY(s.files.rename_all());
  std::vector<std::string> paths;
  for (const Part& part : s.parts) paths.push_back(part.path);
  return paths;
}

}  // namespace weir

#include "train/teacher_file.h"

#include <fmt/format.h>

#include <bit>
#include <cmath>
#include <cstring>

#include "base/atomic_output.h"
#include "base/checksum.h"
#include "base/sha256.h"

namespace weir {
namespace {

constexpr char kMagic[] = "weirlogp";
constexpr uint32_t kVersion = 1;
constexpr size_t kHeader = 56, kEntry = 24, kNameBytes = 16;
constexpr uint32_t kVocabularyMax = 1 << 24, kTopMax = 4096;
constexpr uint64_t kSequencesMax = uint64_t(1) << 32, kPositionsMax = uint64_t(1) << 40;
constexpr float kLogMax = 1e-3f;  // rounding may carry a probability of 1 a little above it

static_assert(std::endian::native == std::endian::little);

template <class Number>
Number number_at(std::span<const std::byte> bytes, size_t place) {
  Number number;
  std::memcpy(&number, bytes.data() + place, sizeof number);
  return number;
}

template <class Number>
void append(std::string& out, Number number) {
  char bytes[sizeof number];
  std::memcpy(bytes, &number, sizeof number);
  out.append(bytes, sizeof number);
}

size_t record_bytes(const TeacherFacts& facts) { return 4 + 7 * size_t(facts.top); }

// The bytes that 32 hexadecimal digits name; "" for other texts.
std::string name_bytes(const std::string& name) {
  if (name.size() != 2 * kNameBytes) return "";
  std::string bytes;
  for (size_t i = 0; i < name.size(); i += 2) {
    int value = 0;
    for (char c : {name[i], name[i + 1]}) {
      const int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
      if (digit < 0) return "";
      value = value * 16 + digit;
    }
    bytes += char(value);
  }
  return bytes;
}

Error broken(const std::string& place, const std::string& what) {
  return Error{fmt::format(
      "{}: {}; it is no whole file of a teacher's log-probabilities: delete it to have it made "
      "again",
      place, what)};
}

}  // namespace

std::string sequence_name(const TrainingSequence& sequence) {
  std::string bytes;
  for (size_t i = 0; i < sequence.tokens.size(); ++i) {
    append(bytes, uint32_t(sequence.tokens[i]));
    bytes += char(sequence.trained[i] != 0);
  }
  return sha256_hex(bytes).substr(0, 2 * kNameBytes);
}

Result<TeacherFile> TeacherFile::open(const std::string& path) {
  MappedFile mapped = TRY(MappedFile::open(path));
  TeacherFile file = TRY(parse(mapped.bytes(), path));
  file.mapped_ = std::move(mapped);
  file.bytes_ = file.mapped_->bytes();
  return file;
}

Result<TeacherFile> TeacherFile::parse(std::span<const std::byte> bytes, const std::string& place) {
  if (bytes.size() < kHeader || std::memcmp(bytes.data(), kMagic, 8) != 0)
    return broken(place, "it does not begin with 'weirlogp'");
  if (number_at<uint64_t>(bytes, 48) != checksum(bytes.first(48)))
    return broken(place, "its header is damaged");
  if (const uint32_t version = number_at<uint32_t>(bytes, 8); version != kVersion)
    return broken(place, fmt::format("version {} is not known", version));
  const auto vocabulary = number_at<uint32_t>(bytes, 12), top = number_at<uint32_t>(bytes, 16);
  TeacherFile file;
  file.bytes_ = bytes;
  file.sequences_ = number_at<uint64_t>(bytes, 24);
  file.positions_ = number_at<uint64_t>(bytes, 32);
  const auto temperature = number_at<float>(bytes, 20);
  if (vocabulary < 1 || vocabulary > kVocabularyMax || top < 1 || top > kTopMax ||
      top > vocabulary || !(temperature > 0) || !std::isfinite(temperature) ||
      file.sequences_ > kSequencesMax || file.positions_ > kPositionsMax)
    return broken(place, "its header is out of range");
  file.facts_ = {int(vocabulary), int(top), temperature};
  const uint64_t wanted =
      kHeader + file.sequences_ * kEntry + file.positions_ * record_bytes(file.facts_);
  if (wanted != bytes.size())
    return broken(place, fmt::format("it has {} bytes and should have {}", bytes.size(), wanted));
  if (number_at<uint64_t>(bytes, 40) != checksum(bytes.subspan(kHeader)))
    return broken(place, "its contents are damaged");
  uint64_t before = 0;
  for (uint64_t i = 0; i < file.sequences_; ++i) {
    const size_t at = kHeader + size_t(i) * kEntry;
    const auto first = number_at<uint64_t>(bytes, at + kNameBytes);
    const bool is_ordered =
        i == 0 || std::memcmp(bytes.data() + at - kEntry, bytes.data() + at, kNameBytes) < 0;
    if (first < before || first > file.positions_ || !is_ordered || (i == 0 && first != 0))
      return broken(place, fmt::format("sequence {} is out of order", i));
    before = first;
  }
  const size_t records = kHeader + size_t(file.sequences_) * kEntry;
  for (uint64_t p = 0; p < file.positions_; ++p) {
    const size_t at = records + size_t(p) * record_bytes(file.facts_);
    for (uint32_t k = 0; k <= top; ++k) {
      const auto log = number_at<float>(bytes, at + 4 * size_t(k));
      if (!(log <= kLogMax) || (k > 0 && !std::isfinite(log)))
        return broken(place, fmt::format("position {} has the log-probability {}", p, log));
    }
    for (uint32_t k = 0; k < top; ++k) {
      uint32_t token = 0;
      std::memcpy(&token, bytes.data() + at + 4 + 4 * size_t(top) + 3 * size_t(k), 3);
      if (token >= vocabulary)
        return broken(place, fmt::format("position {} has the token {}", p, token));
    }
  }
  return file;
}

std::optional<TeacherFile::Positions> TeacherFile::find(const std::string& name) const {
  const std::string wanted = name_bytes(name);
  if (wanted.empty()) return std::nullopt;
  const auto entry = [&](uint64_t i) { return kHeader + size_t(i) * kEntry; };
  uint64_t low = 0, high = sequences_;
  while (low < high) {
    const uint64_t middle = low + (high - low) / 2;
    const int order = std::memcmp(bytes_.data() + entry(middle), wanted.data(), kNameBytes);
    if (order == 0) {
      const auto first = number_at<uint64_t>(bytes_, entry(middle) + kNameBytes);
      const uint64_t end = middle + 1 < sequences_
                               ? number_at<uint64_t>(bytes_, entry(middle + 1) + kNameBytes)
                               : positions_;
      return Positions{first, end - first};
    }
    if (order < 0)
      low = middle + 1;
    else
      high = middle;
  }
  return std::nullopt;
}

void TeacherFile::read(uint64_t position, TeacherRow& row) const {
  const size_t top = size_t(facts_.top);
  const size_t at = kHeader + size_t(sequences_) * kEntry + size_t(position) * record_bytes(facts_);
  row.tokens.assign(top, 0);
  row.log_probabilities.resize(top);
  row.log_tail = number_at<float>(bytes_, at);
  std::memcpy(row.log_probabilities.data(), bytes_.data() + at + 4, 4 * top);
  for (size_t k = 0; k < top; ++k)
    std::memcpy(&row.tokens[k], bytes_.data() + at + 4 + 4 * top + 3 * k, 3);
}

void TeacherFileWriter::add(const std::string& name, std::span<const TeacherRow> rows) {
  auto [place, is_new] = sequences_.try_emplace(name);
  if (!is_new) return;
  for (const TeacherRow& row : rows) {
    CHECK_EQ(int(row.tokens.size()), facts_.top);
    append(place->second, row.log_tail);
    for (float log : row.log_probabilities) append(place->second, log);
    for (int token : row.tokens)
      for (int shift = 0; shift < 24; shift += 8) place->second += char(token >> shift & 255);
  }
}

size_t TeacherFileWriter::bytes() const {
  size_t bytes = kHeader;
  for (const auto& [name, records] : sequences_) bytes += kEntry + records.size();
  return bytes;
}

std::string TeacherFileWriter::contents() const {
  std::string body;
  body.reserve(bytes());
  uint64_t positions = 0;
  for (const auto& [name, records] : sequences_) {
    body += name_bytes(name);
    append(body, positions);
    positions += records.size() / record_bytes(facts_);
  }
  for (const auto& [name, records] : sequences_) body += records;
  std::string header(kMagic, 8);
  append(header, kVersion);
  append(header, uint32_t(facts_.vocabulary));
  append(header, uint32_t(facts_.top));
  append(header, facts_.temperature);
  append(header, uint64_t(sequences_.size()));
  append(header, positions);
  append(header, checksum(std::as_bytes(std::span(body))));
  append(header, checksum(std::as_bytes(std::span(header))));
  return header + body;
}

Result<void> TeacherFileWriter::write(const std::string& path) const {
  return write_file_atomic(path, contents());
}

}  // namespace weir

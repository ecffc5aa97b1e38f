// The most probable tokens of a teacher at every learned position of many sequences, as a file:
// computed once, read by every later step. Read as untrusted: a file that is damaged is an error.
//
// Little-endian.
//   0   8  "weirlogp"
//   8   4  version, 1
//   12  4  vocabulary
//   16  4  top: tokens of a position
//   20  4  temperature of the teacher's softmax, f32
//   24  8  sequences
//   32  8  positions of all sequences
//   40  8  checksum of the bytes from 56 on
//   48  8  checksum of bytes [0, 48)
//   56     for each sequence, ascending by name: 16 bytes of its name (sequence_name), 8 bytes: the
//          number of its first position
//   then   for each position: f32 log of the probability of all other tokens, top * f32 log
//   softmax,
//          largest first, top * 3 bytes of token: 4 + 7 * top bytes
#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "train/batches.h"

namespace weir {

// A sequence's name: 32 hexadecimal digits of the SHA-256 of its tokens and of which are trained.
std::string sequence_name(const TrainingSequence& sequence);

struct TeacherFacts {
  int vocabulary = 0, top = 0;
  float temperature = 1;
};

// One position.
struct TeacherRow {
  std::vector<int> tokens;
  std::vector<float> log_probabilities;
  float log_tail = 0;  // -inf: there are no others
};

class TeacherFile {
 public:
  static Result<TeacherFile> open(const std::string& path);
  // `bytes` outlives the file; `place` begins errors.
  static Result<TeacherFile> parse(std::span<const std::byte> bytes, const std::string& place);

  const TeacherFacts& facts() const { return facts_; }
  uint64_t sequences() const { return sequences_; }
  // The number of a sequence's first position and how many it has; nothing when it is not there.
  struct Positions {
    uint64_t first = 0, count = 0;
  };
  std::optional<Positions> find(const std::string& name) const;
  void read(uint64_t position, TeacherRow& row) const;

 private:
  std::optional<MappedFile> mapped_;
  std::span<const std::byte> bytes_;
  TeacherFacts facts_;
  uint64_t sequences_ = 0, positions_ = 0;
};

// Collects positions in memory and writes them at once.
class TeacherFileWriter {
 public:
  explicit TeacherFileWriter(const TeacherFacts& facts) : facts_(facts) {}
  // The positions of one sequence in order; a second one of the same name is left out.
  void add(const std::string& name, std::span<const TeacherRow> rows);
  bool has(const std::string& name) const { return sequences_.contains(name); }
  size_t bytes() const;
  Result<void> write(const std::string& path) const;
  std::string contents() const;

 private:
  TeacherFacts facts_;
  std::map<std::string, std::string> sequences_;  // records by name
};

}  // namespace weir

// A text file of any encoding and size, read piece by piece as UTF-8.
#pragma once
#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"

namespace weir {

// The bytes of a file, in pieces.
class FileStream {
 public:
  // Errors: unreadable, not a file, more than `bytes_max`.
  static Result<FileStream> open(const std::string& path, uint64_t bytes_max);
  FileStream(FileStream&& other) noexcept;
  ~FileStream();
  // Appends the next bytes; false at the end.
  Result<bool> read(std::string& bytes);

 private:
  FileStream(int descriptor, std::string path) : descriptor_(descriptor), path_(std::move(path)) {}
  int descriptor_ = -1;
  std::string path_;
};

class TextStream {
 public:
  // The encoding is that of the first MiB. Errors: as FileStream, and of detection.
  static Result<TextStream> open(const std::string& path, uint64_t bytes_max);
  TextStream(TextStream&&) noexcept;
  ~TextStream();

  // Appends the next piece of UTF-8 (of a few hundred KiB, never half a character); false at the
  // end. Carriage returns stay.
  Result<bool> read(std::string& text);
  // Bytes so far that were no characters and became U+FFFD.
  uint64_t replaced() const;
  const std::string& encoding() const;

 private:
  struct State;
  explicit TextStream(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace weir

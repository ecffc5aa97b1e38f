// Scores of categories from a model's own hidden states, token by token. The engine that has the
// states pushes them; the gate reads the scores.
#pragma once
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"

namespace weir {

// One text under way: scores may depend on all tokens so far (a mean, a maximum).
class HeadStream {
 public:
  virtual ~HeadStream() = default;
  // The hidden state of the next token: the residual stream after block Head::block(),
  // Head::width() numbers. No allocation; a few microseconds.
  virtual void push(std::span<const float> hidden) = 0;
  // Of the text so far: a calibrated probability for each of Head::categories(). Zeros at the
  // start.
  virtual std::span<const float> scores() const = 0;
};

// The heads of one model, read-only: many streams may use them from many threads.
class Head {
 public:
  virtual ~Head() = default;
  virtual const std::string& name() const = 0;                  // for findings: the file's name
  virtual std::span<const std::string> categories() const = 0;  // ids ("S1")
  virtual int block() const = 0;  // whose output is read; -1: the last one, after the final norm
  virtual int width() const = 0;  // of a hidden state
  virtual const std::string& base_hash() const = 0;  // of the model's weights; checked when opened
  // The streams do not outlive the head.
  virtual std::unique_ptr<HeadStream> begin() const = 0;
};

}  // namespace weir

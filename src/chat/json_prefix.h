// Checks the text of a JSON object while it comes: what is accepted is the beginning of an object.
#pragma once
#include <string>
#include <string_view>

namespace weir {

class JsonPrefix {
 public:
  // Takes bytes up to the end of the object or to the first that breaks it, and returns how many
  // it took; `out` gets them. A control character inside a string, which models write and JSON
  // forbids, is escaped there. Objects more than 64 deep are broken.
  size_t push(std::string_view bytes, std::string& out);
  bool is_complete() const { return state_ == State::done; }
  bool is_broken() const { return is_broken_; }

 private:
  enum class State {
    begin,        // before the object
    value,        // a value is due
    first_value,  // a value or ]
    first_key,    // a key or }
    key,          // a key
    colon,        // :
    after_value,  // , or what closes
    string,       // inside a string
    escape,       // after '\'
    hex,          // digits of \u
    number,       // inside a number
    word,         // true, false, null
    done
  };
  bool take(char c, std::string& out);
  bool take_value(char c);
  bool take_number(char c);
  bool open(char c);
  bool close(char c);
  void end_value();

  State state_ = State::begin;
  bool is_broken_ = false;
  bool is_key_ = false;    // of the string
  std::string open_ = {};  // closing brackets that are due
  std::string_view rest_;  // of a word
  int hex_ = 0;            // digits that are due
  // Of a number: what was read last.
  enum class Number {
    minus,
    zero,
    whole,
    point,
    fraction,
    e,
    sign,
    exponent
  } number_ = Number::minus;
};

}  // namespace weir

// The red team: requests that a guard should stop, each with a harmless look-alike, in English and
// Chinese, in several forms. Requests only ask, in general words; no reply is written anywhere. The
// bank is a pure function of its options (docs/red-team.md).
#pragma once
#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "red_team/mutation.h"

namespace weir {

// How a request comes.
//   direct       alone, or behind a few words
//   role_play    to be answered in a role
//   translated   in the other language, to be put into this one and answered
//   encoded      base64, ROT13, spelled backwards or apart
//   split        in two turns
//   document     inside of a text that the user gives
//   tool_result  inside of what a tool returned
enum class AttackForm : uint8_t {
  direct,
  role_play,
  translated,
  encoded,
  split,
  document,
  tool_result
};
inline constexpr std::array<const char*, 7> kAttackForms = {
    "direct", "role_play", "translated", "encoded", "split", "document", "tool_result"};

struct BankMessage {
  std::string role, content;  // OpenAI's: "user", "assistant", "tool"
};

struct BankItem {
  std::string id;        // "S1.en.A3.direct.h", a look-alike ends in ".b"
  std::string category;  // of src/guard/category.h; of a look-alike that of its request
  std::string language;  // "en", "zh"
  char phrasing = 'A';   // A to D are written apart
  bool is_harmful = false;
  AttackForm form = AttackForm::direct;
  Mutation mutation = Mutation::none;
  std::string seed;  // "S1.en.A3": what a request, its look-alike and all their forms share
  std::vector<BankMessage> messages;
};

struct BankOptions {
  std::string language = {};  // "": both
  // Groups of requests. A and B are written as whole sentences. Of C and D the bank has what is
  // wanted, which it puts into several phrasings; those of C are not those of D.
  std::string phrasing = "AB";
  int phrasings = 2;                     // of each request of C and D
  std::vector<AttackForm> forms = {};    // empty: direct, and two others that change with the seed
  std::vector<Mutation> mutations = {};  // of direct requests, beside the forms; empty: none
  uint64_t seed = 0;                     // of the mutations' draws
};

// A request is followed by its look-alike. With the defaults 1,200 of each. C and D come direct and
// mutated alone.
std::vector<BankItem> make_bank(const BankOptions& options = {});

// A line of JSON: 'messages', 'labels' (the category, or none), and what else an item has: what
// `weir guard train` reads.
std::string bank_row(const BankItem& item);

}  // namespace weir

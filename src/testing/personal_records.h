// Sentences in English and Chinese with personal numbers that carry true check digits, and with
// numbers that only look like them: a wrong check digit, orders, dates, prices, versions. Made
// here, apart from the detectors that are measured with them. A pure function of the record's
// number.
#pragma once
#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"

namespace weir::personal {

struct Item {
  std::string kind;  // a name of detector_names()
  size_t begin = 0, end = 0;
};
struct Record {
  std::string text;
  std::vector<Item> items;  // empty: nothing is to be found
};

inline std::string digits(Random& random, int count) {
  std::string text;
  for (int i = 0; i < count; ++i) text += char('0' + random.below(10));
  return text;
}
inline std::string pick(Random& random, std::initializer_list<const char*> list) {
  return list.begin()[random.below(list.size())];
}
inline std::string two(uint64_t n) { return {char('0' + n / 10), char('0' + n % 10)}; }
inline std::string grouped(const std::string& text, size_t size, char between) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (i > 0 && i % size == 0) out += between;
    out += text[i];
  }
  return out;
}

inline std::string full_width(const std::string& text) {
  std::string out;
  for (const char c : text) {
    const int code = 0xfee0 + uint8_t(c);
    out += {char(0xe0 | code >> 12), char(0x80 | (code >> 6 & 63)), char(0x80 | (code & 63))};
  }
  return out;
}

// GB 11643: the weights are 2^(17 - i) mod 11.
inline std::string identity_card(Random& random) {
  std::string id = pick(random, {"110105", "310101", "440305", "510107", "330106", "420111"});
  id += std::to_string(1945 + random.below(65)) + two(1 + random.below(12)) +
        two(1 + random.below(28)) + digits(random, 3);
  int sum = 0;
  for (int i = 0; i < 17; ++i) sum += (id[size_t(i)] - '0') * ((1 << (17 - i)) % 11);
  return id + "10X98765432"[sum % 11];
}

// GB 32100 with an organisation's code of GB 11714.
inline std::string credit_code(Random& random) {
  static constexpr std::string_view kSigns = "0123456789ABCDEFGHJKLMNPQRTUWXY";
  std::string code = pick(random, {"91", "92", "93", "11", "12", "51", "52"});
  code += pick(random, {"110105", "310115", "440300", "510100"});
  const std::string body = digits(random, 8);
  constexpr int kWeights[] = {3, 7, 9, 10, 5, 8, 4, 2};
  int sum = 0;
  for (size_t i = 0; i < 8; ++i) sum += (body[i] - '0') * kWeights[i];
  const int check = 11 - sum % 11;
  code += body + (check == 10 ? 'X' : check == 11 ? '0' : char('0' + check));
  int total = 0, power = 1;
  for (const char c : code) {
    total += int(kSigns.find(c)) * power;
    power = power * 3 % 31;
  }
  return code + kSigns[size_t((31 - total % 31) % 31)];
}

inline int luhn_sum(std::string_view number) {
  int sum = 0;
  for (size_t i = 0; i < number.size(); ++i) {
    int d = number[number.size() - 1 - i] - '0';
    if (i % 2 == 1) d = d * 2 > 9 ? d * 2 - 9 : d * 2;
    sum += d;
  }
  return sum;
}
inline std::string bank_card(Random& random) {
  struct Range {
    const char* first;
    int length;
  };
  constexpr Range kRanges[] = {{"622202", 19}, {"621700", 19}, {"622588", 16}, {"4", 16},
                               {"53", 16},     {"37", 15},     {"3530", 16}};
  const Range& range = kRanges[random.below(std::size(kRanges))];
  std::string number = range.first;
  number += digits(random, range.length - int(number.size()) - 1);
  const int sum = luhn_sum(number + "0");
  return number + char('0' + (10 - sum % 10) % 10);
}

inline int iban_remainder(std::string_view iban) {
  int remainder = 0;
  const std::string turned = std::string(iban.substr(4)) + std::string(iban.substr(0, 4));
  for (const char c : turned) {
    const int value = c >= 'A' ? c - 'A' + 10 : c - '0';
    remainder = (remainder * (value > 9 ? 100 : 10) + value) % 97;
  }
  return remainder;
}
inline std::string iban(Random& random) {
  std::string country, account;
  switch (random.below(5)) {
    case 0:
      country = "DE", account = digits(random, 18);
      break;
    case 1:
      country = "GB", account = pick(random, {"NWBK", "BARC", "LOYD"}) + digits(random, 14);
      break;
    case 2:
      country = "NL", account = pick(random, {"ABNA", "INGB", "RABO"}) + digits(random, 10);
      break;
    case 3:
      country = "ES", account = digits(random, 20);
      break;
    default:
      country = "FR", account = digits(random, 10) + "0A" + digits(random, 11);
  }
  return country + two(uint64_t(98 - iban_remainder(country + "00" + account))) + account;
}

inline std::string mobile_cn(Random& random) {
  return pick(random, {"138", "139", "150", "159", "177", "186", "188", "199"}) + digits(random, 8);
}

struct Made {
  std::string kind, text;
};
// Something to be found, in one of the ways people write it.
inline Made personal_number(Random& random) {
  const uint64_t way = random.below(3), rare = random.below(8);
  switch (random.below(7)) {
    case 0: {
      std::string id = identity_card(random);
      if (rare == 0 && id.back() == 'X') id.back() = 'x';
      if (rare == 1) id = id.substr(0, 6) + " " + id.substr(6, 8) + " " + id.substr(14);
      return {"identity_card_cn", rare == 2 ? full_width(id) : id};
    }
    case 1:
      return {"credit_code_cn", credit_code(random)};
    case 2: {
      const std::string card = bank_card(random);
      return {"bank_card", way == 0   ? grouped(card, 4, ' ')
                           : way == 1 ? grouped(card, 4, '-')
                                      : card};
    }
    case 3: {
      const std::string number = iban(random);
      return {"iban", way == 0 ? grouped(number, 4, ' ') : number};
    }
    case 4: {
      const std::string m = mobile_cn(random);
      if (rare == 0) return {"phone_cn", full_width(m)};
      if (rare == 1) return {"phone_cn", m.substr(0, 3) + " " + m.substr(3, 4) + " " + m.substr(7)};
      if (rare == 2) return {"phone_cn", "86" + m};
      if (way == 0) return {"phone_cn", m.substr(0, 3) + "-" + m.substr(3, 4) + "-" + m.substr(7)};
      if (way == 1)
        return {"phone_cn", "+86 " + m.substr(0, 3) + " " + m.substr(3, 4) + " " + m.substr(7)};
      return random.below(4) == 0
                 ? Made{"phone_cn", pick(random, {"010-6", "021-5", "0571-8"}) + digits(random, 7)}
                 : Made{"phone_cn", m};
    }
    case 5:
      if (rare == 0) return {"phone", "+49 (0)30 " + digits(random, 7)};
      if (rare == 1) return {"phone", "0049 30 " + digits(random, 7)};
      if (rare == 2) return {"phone", "+1-212-555-0" + digits(random, 3)};
      if (way == 0) return {"phone", "+49 30 " + digits(random, 7)};
      if (way == 1) return {"phone", "+44 20 7946 0" + digits(random, 3)};
      return {"phone", "(212) 555-0" + digits(random, 3)};
    default:
      return {"email", pick(random, {"robin", "li.wei", "m_meier", "anna+news", "zhang-san"}) +
                           digits(random, int(random.below(4))) + "@" +
                           pick(random, {"example.com", "mail.example.org", "school.example.cn"})};
  }
}

inline char ean_digit(const std::string& twelve) {
  int sum = 0;
  for (size_t i = 0; i < 12; ++i) sum += (twelve[i] - '0') * (i % 2 == 0 ? 1 : 3);
  return char('0' + (10 - sum % 10) % 10);
}

// The last digit is another one, so that neither its own check nor Luhn's holds.
inline std::string spoiled(std::string number, Random& random) {
  const auto holds = [](const std::string& text) {
    return text.find_first_not_of("0123456789") == text.npos && luhn_sum(text) % 10 == 0;
  };
  const char right = number.back();
  do number.back() = char('0' + random.below(10));
  while (number.back() == right || holds(number));
  return number;
}

inline std::string harmless_number(Random& random) {
  std::string text;
  switch (random.below(15)) {
    case 0:
      return spoiled(identity_card(random), random);
    case 1: {
      const std::string code = credit_code(random);
      return spoiled(code.back() >= 'A' ? code.substr(0, 17) + "0" : code, random);
    }
    case 2:
      return spoiled(bank_card(random), random);
    case 3: {
      const std::string number = iban(random);
      return spoiled(number, random);
    }
    case 4:
      return pick(random, {"ORD-", "NO", "SN-", "PO "}) + digits(random, 8);
    case 5:
      return std::to_string(1990 + random.below(40)) + "-" + two(1 + random.below(12)) + "-" +
             two(1 + random.below(28)) + " " + two(random.below(24)) + ":" + two(random.below(60));
    case 6:
      return std::to_string(1 + random.below(90)) + "." + std::to_string(random.below(20)) + "." +
             std::to_string(random.below(300));
    case 7:
      return std::to_string(1 + random.below(900)) + "," + digits(random, 3) + "." +
             digits(random, 2);
    case 8:  // a barcode, EAN-13
      text = pick(random, {"4006381", "6901234", "9787302"}) + digits(random, 5);
      return text + ean_digit(text);
    case 9:
      return "17" + digits(random, 8);  // seconds since 1970
    case 10:
      return "17" + digits(random, 11);  // milliseconds
    case 11:
      return std::to_string(10 + random.below(190)) + "." + std::to_string(random.below(256)) +
             "." + std::to_string(random.below(256)) + "." + std::to_string(1 + random.below(254));
    case 12:
      return digits(random, 8) + "-4" + digits(random, 3) + "-a" + digits(random, 3) + "-" +
             digits(random, 12);
    case 13:
      return "SF" + digits(random, 13);  // a parcel
    default:
      return "2026" + two(1 + random.below(12)) + two(1 + random.below(28)) + digits(random, 4);
  }
}

inline Record record(uint64_t number) {
  Random random(29, number);
  const bool is_chinese = number % 2 == 1;
  Record made;
  const auto say = [&](const std::string& text) { made.text += text; };
  const int numbers = 1 + int(random.below(2));
  say(is_chinese ? pick(random, {"您好，请登记一下：", "今天的来信里写着", "表格第三行是",
                                 "客户说他的号码为"})
                 : pick(random, {"Dear team, please note ", "The form says ",
                                 "In line three stands ", "The customer gave us "}));
  for (int i = 0; i < numbers; ++i) {
    if (i > 0)
      say(is_chinese ? pick(random, {"，另外还有", "；备用的是", "，以及"})
                     : pick(random, {" and also ", "; the other one is ", ", then "}));
    if (random.below(5) < 3) {
      const Made item = personal_number(random);
      made.items.push_back({item.kind, made.text.size(), made.text.size() + item.text.size()});
      say(item.text);
    } else {
      say(harmless_number(random));
    }
  }
  say(is_chinese ? pick(random, {"。谢谢！", "，请尽快核对。", "（见附件）。"})
                 : pick(random, {". Thank you.", ", please check it soon.", " (see the annex)."}));
  return made;
}

}  // namespace weir::personal

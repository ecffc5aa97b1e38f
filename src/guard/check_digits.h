// Numbers that carry a check digit, and other forms of personal numbers. Texts are ASCII without
// blanks and hyphens.
#pragma once
#include <string_view>

namespace weir {

// GB 11643-1999: 18 characters, a province, a date of birth from 1900 on, ISO 7064 MOD 11-2.
bool is_identity_card_cn(std::string_view text);
// GB 32100-2015: 18 characters of 31, MOD 31-3; registration authority and kind are known ones.
bool is_credit_code_cn(std::string_view text);
// ISO/IEC 7812: 13 to 19 digits, Luhn, the length and first digits of an issuer's range.
bool is_bank_card(std::string_view text);
// ISO 13616: the country's length, MOD 97-10.
bool is_iban(std::string_view text);
// Chinese mobile numbers, 11 digits, and landlines with their area code; no country code.
bool is_mobile_cn(std::string_view digits);
bool is_landline_cn(std::string_view digits);

}  // namespace weir

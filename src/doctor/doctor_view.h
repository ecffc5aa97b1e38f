// The doctor's report for people: sources, findings, and conversations token by token.
#pragma once
#include <string>

#include "doctor/doctor.h"

namespace weir {

// Without colour: [trained] tokens in brackets, others between bars, blanks visible in both.
struct DoctorViewOptions {
  bool has_color = false;
};

std::string doctor_text(const DoctorReport& report, const DoctorViewOptions& options);
// One conversation, with a line break before every change of speaker.
std::string row_text(const ExampleRow& row, const DoctorViewOptions& options);

}  // namespace weir

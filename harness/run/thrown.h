#pragma once
#include <exception>
#include <string>

namespace dtypefuzz {

/// The run cannot be set up as the plan says. LibTorch has refused nothing that the plan is about, so nothing
/// is judged. It is no std::exception, so that nobody takes it for one of LibTorch's.
struct NotApplicable {
  std::string reason;
};

/// The C++ type, demangled: `c10::Error`.
std::string type_name(const std::exception&);
/// Without the backtrace that `what()` of a c10::Error ends with, whose symbols are looked up first: thrown
/// and asked with it 69 ms, without it 0.03 ms.
std::string message_of(const std::exception&);

}  // namespace dtypefuzz

#include "harness/run/thrown.h"

#include <c10/util/Exception.h>
#include <cxxabi.h>

#include <cstdlib>
#include <typeinfo>

namespace dtypefuzz {

std::string type_name(const std::exception& e) {
  int status = 0;
  char* text = abi::__cxa_demangle(typeid(e).name(), nullptr, nullptr, &status);
  std::string name = status == 0 ? text : typeid(e).name();
  std::free(text);
  return name;
}

std::string message_of(const std::exception& e) {
  if (const auto* error = dynamic_cast<const c10::Error*>(&e)) return error->what_without_backtrace();
  return e.what();
}

}  // namespace dtypefuzz

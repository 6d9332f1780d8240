#include "harness/run/thrown.h"

#include <c10/util/Exception.h>
#include <cxxabi.h>

#include <charconv>
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

std::optional<ThrowSite> site_of(const std::exception& e) {
  const auto* error = dynamic_cast<const c10::Error*>(&e);
  const auto lazy = error ? error->backtrace() : nullptr;
  if (!lazy) return std::nullopt;
  return site_in(lazy->get());
}

std::optional<ThrowSite> site_in(std::string_view text) {
  constexpr std::string_view kFrom = "raised from ", kAt = " at ", kEnd = " (most recent call first";
  const size_t from = text.find(kFrom);
  if (from == std::string_view::npos) return std::nullopt;
  text.remove_prefix(from + kFrom.size());
  text = text.substr(0, text.find(kEnd));
  const size_t at = text.rfind(kAt), colon = text.rfind(':');
  if (at == std::string_view::npos || colon == std::string_view::npos || colon < at) return std::nullopt;
  ThrowSite site;
  site.function = text.substr(0, at);
  std::string_view file = text.substr(at + kAt.size(), colon - at - kAt.size());
  // Of the machine that built it: /__w/pytorch/pytorch/aten/src/ATen/native/Linear.cpp
  constexpr std::string_view kRoot = "/pytorch/";
  if (const size_t root = file.rfind(kRoot); root != std::string_view::npos)
    file.remove_prefix(root + kRoot.size());
  while (file.starts_with("../")) file.remove_prefix(3);
  site.file = file;
  const std::string_view line = text.substr(colon + 1);
  std::from_chars(line.data(), line.data() + line.size(), site.line);
  return site;
}

}  // namespace dtypefuzz

#include <fmt/format.h>

#include <pugixml.hpp>
#include <sstream>

#include "harness/core/text.h"
#include "harness/report/report.h"

namespace dtypefuzz {
namespace {

/// XML has no way to write a control character, so that none comes here.
std::string safe(std::string_view text) {
  return as_text(text, 8192);
}

/// `name: text` on a line of its own; nothing where there is no text.
std::string line(std::string_view name, std::string_view text) {
  return text.empty() ? "" : fmt::format("{}: {}\n", name, safe(text));
}

/// All that is told of a cause, its standing first.
std::string text_of(const CauseEntry& cause) {
  std::string text = fmt::format("{}\n{}\nseverity: {}\n", to_string(cause.standing), safe(cause.title),
                                 to_string(cause.severity));
  text += line("upstream", cause.upstream) + line("where", to_line(cause.where)) +
          line("throws", cause.where.exception);
  for (const Entry& place : cause.places) {
    const Violation& violation = place.finding.violation;
    text += fmt::format("\n{}: {}\n", to_string(place.standing), safe(place.signature()));
    text += line("  severity", to_string(violation.severity)) + line("  promised", violation.promised) +
            line("  seen", violation.seen) + line("  case", place.path);
  }
  return text;
}

}  // namespace

std::string to_junit(const Report& report, FailOn fail_on) {
  pugi::xml_document document;
  auto declaration = document.prepend_child(pugi::node_declaration);
  declaration.append_attribute("version") = "1.0";
  declaration.append_attribute("encoding") = "UTF-8";
  auto suites = document.append_child("testsuites");
  auto suite = suites.append_child("testsuite");
  for (auto node : {suites, suite}) {
    node.append_attribute("name") = "dtypefuzz";
    node.append_attribute("tests") = report.causes.size();
    node.append_attribute("failures") = report.count_red(fail_on);
    node.append_attribute("errors") = 0;
  }
  for (const CauseEntry& cause : report.causes) {
    auto test = suite.append_child("testcase");
    test.append_attribute("classname") = safe("dtypefuzz." + cause.cause.property).c_str();
    test.append_attribute("name") = safe(to_string(cause.cause)).c_str();
    const std::string& path = cause.places.front().path;
    if (!path.empty()) test.append_attribute("file") = safe(path).c_str();
    if (is_red(cause.standing, fail_on)) {
      auto failure = test.append_child("failure");
      failure.append_attribute("type") = std::string(to_string(cause.severity)).c_str();
      failure.append_attribute("message") = safe(cause.title).c_str();
      failure.text() = text_of(cause).c_str();
    } else {
      test.append_child("system-out").text() = text_of(cause).c_str();
    }
  }
  std::ostringstream out;
  document.save(out, "  ", pugi::format_default, pugi::encoding_utf8);
  return out.str();
}

}  // namespace dtypefuzz

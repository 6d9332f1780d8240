#include <fmt/format.h>

#include <pugixml.hpp>
#include <sstream>

#include "harness/core/text.h"
#include "harness/report/report.h"

namespace dtypefuzz {

std::string to_junit(const Report& report) {
  pugi::xml_document document;
  auto declaration = document.prepend_child(pugi::node_declaration);
  declaration.append_attribute("version") = "1.0";
  declaration.append_attribute("encoding") = "UTF-8";
  auto suites = document.append_child("testsuites");
  auto suite = suites.append_child("testsuite");
  for (auto node : {suites, suite}) {
    node.append_attribute("name") = "dtypefuzz";
    node.append_attribute("tests") = report.entries.size();
    node.append_attribute("failures") = report.count_red();
    node.append_attribute("errors") = 0;
  }
  // XML has no way to write a control character, so that none comes here.
  const auto safe = [](const std::string& text) { return as_text(text, 8192); };
  for (const Entry& entry : report.entries) {
    auto test = suite.append_child("testcase");
    const std::string property = entry.finding.violation.signature.property;
    test.append_attribute("classname") = safe("dtypefuzz." + property).c_str();
    test.append_attribute("name") = safe(entry.signature()).c_str();
    if (!entry.path.empty()) test.append_attribute("file") = safe(entry.path).c_str();
    const std::string what =
        fmt::format("{}{}severity: {}\npromised: {}\nseen: {}\n", safe(entry.title),
                    entry.title.empty() ? "" : "\n", to_string(entry.finding.violation.severity),
                    safe(entry.finding.violation.promised), safe(entry.finding.violation.seen));
    if (is_red(entry.standing)) {
      auto failure = test.append_child("failure");
      failure.append_attribute("type") =
          fmt::format("{}", to_string(entry.finding.violation.severity)).c_str();
      failure.append_attribute("message") =
          safe(entry.title.empty() ? entry.finding.violation.seen : entry.title).c_str();
      failure.text() = (entry.standing == Standing::returned ? "returned\n" + what : what).c_str();
    } else {
      test.append_child("system-out").text() = fmt::format("{}\n{}", to_string(entry.standing), what).c_str();
    }
  }
  std::ostringstream out;
  document.save(out, "  ", pugi::format_default, pugi::encoding_utf8);
  return out.str();
}

}  // namespace dtypefuzz

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
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
std::string property_line(std::string_view name, std::string_view text) {
  return text.empty() ? "" : fmt::format("{}: {}\n", name, safe(text));
}

/// All that is told of a cause, its standing first.
std::string text_of(const CauseEntry& cause) {
  std::string text = fmt::format("{}\n{}\nseverity: {}\n", to_string(cause.standing), safe(cause.title),
                                 to_string(cause.severity));
  text += property_line("told first", cause.since) + property_line("upstream", cause.upstream) +
          property_line("where", to_line(cause.where)) + property_line("throws", cause.where.exception);
  for (const Entry& place : cause.places) {
    const Violation& violation = place.finding.violation;
    text += fmt::format("\n{}: {}\n", to_string(place.standing), safe(place.signature()));
    text += property_line("  severity", to_string(violation.severity)) +
            property_line("  promised", violation.promised) + property_line("  seen", violation.seen) +
            property_line("  case", place.path);
  }
  return text;
}

/// The same of several lines.
std::string lines(std::string_view text) {
  std::string all;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    all += safe(text.substr(0, end)) + "\n";
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return all;
}

/// What a suite counts.
struct Counts {
  size_t tests = 0, failures = 0, skipped = 0;
  double seconds = 0;
};

std::string in_seconds(double seconds) {
  return fmt::format("{:.3f}", seconds);
}

/// The one suite of a document. `time`: when, empty where nobody knows.
pugi::xml_node suite_in(pugi::xml_document& document, const char* name, const Counts& counts,
                        const std::string& time) {
  auto declaration = document.prepend_child(pugi::node_declaration);
  declaration.append_attribute("version") = "1.0";
  declaration.append_attribute("encoding") = "UTF-8";
  auto suites = document.append_child("testsuites");
  auto suite = suites.append_child("testsuite");
  for (auto node : {suites, suite}) {
    node.append_attribute("name") = name;
    node.append_attribute("tests") = counts.tests;
    node.append_attribute("failures") = counts.failures;
    node.append_attribute("errors") = 0;
    node.append_attribute("skipped") = counts.skipped;
    node.append_attribute("time") = in_seconds(counts.seconds).c_str();
    if (!time.empty()) node.append_attribute("timestamp") = time.c_str();
  }
  return suite;
}

std::string text_of(const pugi::xml_document& document) {
  std::ostringstream out;
  document.save(out, "  ", pugi::format_default, pugi::encoding_utf8);
  return out.str();
}

}  // namespace

std::string to_junit(const Report& report, FailOn fail_on, const About& about) {
  const auto is_skipped = [&](const CauseEntry& cause) {
    return !is_red(cause.standing, fail_on) && cause.standing != Standing::fixed;
  };
  pugi::xml_document document;
  auto suite = suite_in(document, "dtypefuzz",
                        {.tests = report.causes.size(),
                         .failures = report.count_red(fail_on),
                         .skipped = static_cast<size_t>(std::ranges::count_if(report.causes, is_skipped)),
                         .seconds = about.seconds},
                        about.time);
  if (!about.properties.empty()) {
    auto properties = suite.append_child("properties");
    for (const auto& [name, value] : about.properties) {
      auto property = properties.append_child("property");
      property.append_attribute("name") = safe(name).c_str();
      property.append_attribute("value") = safe(value).c_str();
    }
  }
  for (const CauseEntry& cause : report.causes) {
    auto test = suite.append_child("testcase");
    test.append_attribute("classname") = safe("dtypefuzz." + cause.cause.property).c_str();
    test.append_attribute("name") = safe(to_string(cause.cause)).c_str();
    const auto kept =
        std::ranges::find_if(cause.places, [](const Entry& place) { return !place.path.empty(); });
    if (kept != cause.places.end()) test.append_attribute("file") = safe(kept->path).c_str();
    if (is_red(cause.standing, fail_on)) {
      auto failure = test.append_child("failure");
      failure.append_attribute("type") = std::string(to_string(cause.severity)).c_str();
      failure.append_attribute("message") = safe(cause.title).c_str();
      failure.text() = text_of(cause).c_str();
    } else {
      if (is_skipped(cause))
        test.append_child("skipped").append_attribute("message") =
            safe(fmt::format("{}: {}", to_string(cause.standing), cause.title)).c_str();
      test.append_child("system-out").text() = text_of(cause).c_str();
    }
  }
  return text_of(document);
}

std::string to_junit(const std::vector<TestCase>& tests) {
  const auto count = [&](TestCase::Outcome outcome) {
    return static_cast<size_t>(std::ranges::count(tests, outcome, &TestCase::outcome));
  };
  double seconds = 0;
  for (const TestCase& test : tests) seconds += test.seconds;
  pugi::xml_document document;
  auto suite = suite_in(document, "dtypefuzz replay",
                        {.tests = tests.size(),
                         .failures = count(TestCase::failed),
                         .skipped = count(TestCase::skipped),
                         .seconds = seconds},
                        "");
  for (const TestCase& each : tests) {
    auto test = suite.append_child("testcase");
    const std::filesystem::path path(from_here(each.path));
    test.append_attribute("classname") = safe(path.parent_path().string()).c_str();
    test.append_attribute("name") = safe(path.filename().string()).c_str();
    test.append_attribute("file") = safe(path.string()).c_str();
    test.append_attribute("time") = in_seconds(each.seconds).c_str();
    if (each.outcome == TestCase::failed) {
      auto failure = test.append_child("failure");
      failure.append_attribute("type") = safe(each.kind).c_str();
      failure.append_attribute("message") = safe(each.text.substr(0, each.text.find('\n'))).c_str();
      failure.text() = lines(each.text).c_str();
    } else if (each.outcome == TestCase::skipped) {
      test.append_child("skipped").append_attribute("message") = safe(each.kind).c_str();
    }
  }
  return text_of(document);
}

}  // namespace dtypefuzz

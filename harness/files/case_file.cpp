#include "harness/files/case_file.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <xxhash.h>

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "dtypefuzz/error.h"
#include "dtypefuzz/finding.h"
#include "generators/stack.h"
#include "generators/written.h"
#include "harness/core/text.h"
#include "harness/files/files.h"

namespace dtypefuzz {
namespace {

std::string_view trimmed(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t\r");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r") - begin + 1);
}

/// What an error shows of a text that may be anything.
std::string shown(std::string_view text) {
  return as_text(text, 60);
}

void refuse_what_is_no_text(std::string_view line, int number) {
  for (size_t at = 0; at < line.size();) {
    const size_t length = character_at(line.substr(at));
    if (length == 0)
      fail("{}: byte 0x{:02x} in column {} is no text; a case is UTF-8 without control characters", number,
           static_cast<unsigned char>(line[at]), at + 1);
    at += length;
  }
}

void refuse_too_long(size_t size) {
  if (size > kMaxCaseBytes) fail("{} bytes, a case has at most {}", size, kMaxCaseBytes);
}

std::vector<std::string> parsed_verdicts(std::string_view value, int number) {
  std::vector<std::string> verdicts;
  while (!(value = trimmed(value)).empty()) {
    const auto word = value.substr(0, value.find_first_of(" \t"));
    value.remove_prefix(word.size());
    try {
      if (word != "holds") parse_signature(word);
    } catch (const Error& e) {
      throw e.at(std::to_string(number));
    }
    verdicts.emplace_back(word);
  }
  return verdicts;
}

}  // namespace

std::string CaseFile::title() const {
  for (const Choice& line : about)
    if (line.name == "title") return line.value;
  return {};
}

CaseFile parse_case(std::string_view text) {
  const size_t size = text.size();
  refuse_too_long(size);
  int number = 0;
  while (!text.empty()) {  // lines with nothing on them before the first one
    const size_t end = text.find('\n');
    if (end == std::string_view::npos || !trimmed(text.substr(0, end)).empty()) break;
    text.remove_prefix(end + 1);
    ++number;
  }
  const int first = number + 1;
  if (text.substr(0, 17) != "# dtypefuzz case ")
    fail("{}: not a case file: expected '# dtypefuzz case 1' as the first line", first);
  CaseFile file;
  enum { kBody, kAbout, kSeen } section = kBody;
  std::unordered_set<std::string_view> answered;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    ++number;
    if (number == first && trimmed(line.substr(17)) != "1")
      fail("{}: case format '{}', this version reads 1", first, shown(trimmed(line.substr(17))));
    refuse_what_is_no_text(trimmed(line), number);
    if (section == kBody) line = line.substr(0, line.find('#'));
    line = trimmed(line);
    if (line.empty() || line[0] == '#') continue;
    if (line[0] == '[' && line.back() == ']') {
      if (line == "[seen]")
        section = kSeen;
      else if (line == "[about]")
        section = kAbout;
      else
        fail("{}: unknown section '{}', expected [about] or [seen]", number, shown(line));
      continue;
    }
    const size_t equals = line.find('=');
    const auto name = trimmed(line.substr(0, equals));
    if (equals == std::string_view::npos || name.empty())
      fail("{}: expected 'name = value', got '{}'", number, shown(line));
    const auto value = trimmed(line.substr(equals + 1));
    if (section == kBody) {
      for (const auto word : {name, value})
        if (word.size() > kMaxWordBytes)
          fail("{}: '{}' has {} bytes, expected at most {}", number, shown(word), word.size(), kMaxWordBytes);
      if (value.empty()) fail("{}: '{}' has no value", number, shown(name));
      if (!answered.insert(name).second) fail("{}: '{}' is answered twice", number, shown(name));
      file.body.choices.push_back({std::string(name), std::string(value)});
      file.lines.push_back(number);
    } else if (section == kAbout) {
      file.about.push_back({std::string(name), std::string(value)});
    } else {
      Seen seen{std::string(name), parsed_verdicts(value, number)};
      if (seen.verdicts.empty()) fail("{}: '{}' names no verdict", number, shown(name));
      file.seen.push_back(std::move(seen));
    }
  }
  if (file.body.choices.empty())
    fail("the file has no answer; a case needs at least 'layers[0].module = ...'");
  // Printed, `a=b` takes half as much again; what was read is to be read again when it is saved.
  if (size > kMaxCaseBytes / 2) refuse_too_long(print_case(file).size());
  return file;
}

std::string print_case(const CaseFile& file) {
  std::string text = "# dtypefuzz case 1\n";
  for (const Choice& choice : file.body.choices) text += fmt::format("{} = {}\n", choice.name, choice.value);
  if (!file.about.empty()) text += "[about]\n";
  for (const Choice& about : file.about) text += fmt::format("{} = {}\n", about.name, about.value);
  if (!file.seen.empty()) text += "[seen]\n";
  for (const Seen& seen : file.seen)
    text += fmt::format("{} = {}\n", seen.key, fmt::join(seen.verdicts, " "));
  return text;
}

Case shortest(const Case& c, const Space& space) {
  Case result;
  const Reading reading = reading_of(c, space);
  for (const auto& [name, value, answer] : reading.questions()) {
    const bool always = answer.ask == Ask::module || answer.ask == Ask::count || answer.ask == Ask::depth;
    if (always || answer.taken > 0) result.choices.push_back({name, value});
  }
  return result;
}

std::string print_shortest(CaseFile file, const Space& space) {
  file.body = shortest(file.body, space);
  return print_case(file);
}

CaseFile read_case(std::string_view text, const std::string& place, const Space& space,
                   std::vector<std::string>* notes) {
  CaseFile file;
  try {
    file = parse_case(text);
  } catch (const Error& e) {
    throw Error(place + ":" + e.what());
  }
  std::unordered_map<std::string_view, int> line_of;
  for (size_t i = 0; i < file.body.choices.size(); ++i) line_of[file.body.choices[i].name] = file.lines[i];
  Understood read = understood(file.body, space);
  // A file that a run has saved may be older than this grammar: a size that is no longer offered and a
  // question that is no longer asked are repaired and said. What a person writes is to mean what it says.
  const bool by_hand = file.seen.empty();
  for (const Mistake& mistake : read.mistakes) {
    const auto at = fmt::format("{}:{}: ", place, line_of[mistake.answer.name]);
    if (by_hand || mistake.kind == Mistake::unknown_word) fail("{}{}", at, explained(mistake, read, space));
    if (!notes) continue;
    notes->push_back(
        at + (mistake.kind == Mistake::not_asked
                  ? fmt::format("{} is not asked in this case and was left aside", shown(mistake.answer.name))
                  : fmt::format("{} = {} is not offered here; taken as {}", mistake.answer.name,
                                shown(mistake.answer.given), mistake.answer.taken)));
  }
  file.body = std::move(read.body);
  file.lines.clear();
  if (const size_t whole = print_case(file).size(); whole > kMaxCaseBytes)
    fail("{}:{} bytes, a case has at most {} with every question answered", place, whole, kMaxCaseBytes);
  return file;
}

CaseFile load_case(const std::filesystem::path& path, const Space& space, std::vector<std::string>* notes) {
  return read_case(read_file(path, kMaxCaseBytes), as_text(path.string()), space, notes);
}

namespace {

/// What `wanted` wants below the paths, directories aside, sorted.
std::vector<std::filesystem::path> files_below(const std::vector<std::string>& paths, const auto& wanted) {
  std::vector<std::filesystem::path> files;
  namespace fs = std::filesystem;
  for (const std::string& path : paths) {
    std::error_code error, ignored;
    if (fs::is_directory(path, error)) {
      fs::recursive_directory_iterator entry(path, error);
      for (; !error && entry != fs::recursive_directory_iterator(); entry.increment(error))
        if (wanted(entry->path()) && !entry->is_directory(ignored)) files.push_back(entry->path());
    } else if (!error && fs::exists(path, error)) {
      files.emplace_back(path);
    } else if (!error || error == std::errc::no_such_file_or_directory) {
      fail("{}: no such file or directory", path.empty() ? "''" : as_text(path, 300));
    }
    if (error) fail("{}: {}", as_text(path, 300), error.message());
  }
  std::sort(files.begin(), files.end());
  files.erase(std::unique(files.begin(), files.end()), files.end());
  return files;
}

}  // namespace

std::vector<std::filesystem::path> case_files(const std::vector<std::string>& paths) {
  return files_below(paths, [](const std::filesystem::path& path) { return path.extension() == ".case"; });
}

std::vector<std::filesystem::path> files_named(std::string_view name, const std::vector<std::string>& paths) {
  return files_below(paths, [&](const std::filesystem::path& path) { return path.filename() == name; });
}

std::string file_name_of(const std::string& signature) {
  std::string name;
  const auto colon = signature.find(':');
  for (const char c : signature.substr(colon == std::string::npos ? 0 : colon + 1, 60))
    name += std::isalnum(static_cast<unsigned char>(c)) || c == '_' ? c : '-';
  return fmt::format("{}-{:08x}.case", name,
                     static_cast<uint32_t>(XXH3_64bits(signature.data(), signature.size())));
}

}  // namespace dtypefuzz

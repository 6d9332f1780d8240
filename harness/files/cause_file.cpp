#include "harness/files/cause_file.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <iterator>
#include <sstream>

#include "dtypefuzz/error.h"
#include "harness/core/text.h"
#include "harness/files/case_file.h"
#include "harness/files/files.h"
#include "harness/files/finding_json.h"

namespace dtypefuzz {
namespace {

constexpr size_t kMostBytes = 8 << 20;  // some 50,000 places
constexpr size_t kMostLine = 1024;      // of a title, of the keys of a place

}  // namespace

std::vector<std::string> keys_in(const std::string& keys) {
  std::istringstream words(keys);
  return {std::istream_iterator<std::string>(words), {}};
}

std::string print_cause_file(const CauseFile& file) {
  nlohmann::ordered_json json{{"schema", 1},
                              {"type", "cause"},
                              {"cause", to_string(file.cause)},
                              {"title", file.title},
                              {"upstream", file.upstream}};
  const auto where = to_json(file.where);
  for (const auto& [name, value] : where.items()) json["where"][name] = value;
  json["places"] = nlohmann::ordered_json::object();
  for (const auto& [signature, keys] : file.places) json["places"][signature] = keys;
  return json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

CauseFile parse_cause_file(std::string_view text) {
  const auto json = parse_json(text);
  const JsonAt at{json, ""};
  at.expect_type("cause");
  CauseFile file{.cause = cause_at(at.field("cause")),
                 .title = at.field("title").text(kMostLine),
                 .upstream = at.field("upstream").text(kMostLine),
                 .where = whereabouts_at(at.field("where"))};
  const JsonAt places = at.field("places");
  if (!places.json.is_object()) places.refuse("an object, signatures and the keys under which each was seen");
  for (const auto& [signature, keys] : places.json.items()) {
    const nlohmann::json name = signature;
    file.places[signature_at({name, places.path})] =
        JsonAt{keys, places.path + "." + as_text(signature, 60)}.text(kMostLine);
  }
  return file;
}

CauseFile load_cause_file(const std::filesystem::path& path) {
  const std::string text = read_file(path, kMostBytes);
  try {
    return parse_cause_file(text);
  } catch (const Error& e) {
    throw e.at(as_text(path.string(), 300));
  }
}

std::filesystem::path note_place(const std::filesystem::path& directory, const Finding& finding,
                                 const std::string& key) {
  const Cause cause = cause_of(finding);
  const auto folder = directory / folder_name_of(cause);
  const auto path = folder / kCauseFile;
  CauseFile file{.cause = cause, .where = finding.where};
  if (std::filesystem::exists(std::filesystem::symlink_status(path))) {
    file = load_cause_file(path);
    if (file.cause != cause)
      fail("{}: is in the way of another cause, '{}'", as_text(path.string(), 300), to_string(cause));
  }
  std::string& keys = file.places[to_string(finding.violation.signature)];
  if ((" " + keys + " ").find(" " + key + " ") == std::string::npos) keys += (keys.empty() ? "" : " ") + key;
  write_atomically(path, print_cause_file(file));
  return folder;
}

std::string folder_name_of(const Cause& cause) {
  const std::string caller = cause.caller.empty() ? "" : "in-" + cause.caller;
  std::string name;
  for (const std::string* part : {&cause.operation, &caller, &cause.deed, &cause.operand, &cause.function}) {
    if (part->empty()) continue;
    if (!name.empty()) name += '-';
    for (const char c : part->substr(0, 40))
      name +=
          std::isalnum(static_cast<unsigned char>(c)) || c == '_' || (c == '.' && !name.empty()) ? c : '-';
  }
  const std::string text = to_string(cause);
  return fmt::format("{}-{:08x}", name.substr(0, 80),
                     static_cast<uint32_t>(XXH3_64bits(text.data(), text.size())));
}

}  // namespace dtypefuzz

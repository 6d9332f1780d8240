#pragma once
#include <functional>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "generators/stack.h"

namespace dtypefuzz {

/// What a campaign is told, in the words in which it is told.
struct Orders {
  std::string engine, time, runs, seed = "1", jobs, out = "findings", baseline = "none", corpus,
                                  case_time = "10s", memory = "2G", resume, fail_on = "new",
                                  check_known = "always";
  std::vector<std::string> modules, dtypes, devices;
  bool strict = false, json = false;
};

/// What becomes of an option when a campaign goes on where it was.
enum class OnResume : uint8_t {
  keeps,       ///< the campaign keeps its own, and none may be given
  anew,        ///< what is given counts, else the campaign's own
  said_again,  ///< a directory: the usual one, or given again, see `go_on_with`
  now,         ///< of this run alone
};

/// One option of `fuzz`: all that its command line, run.json, a resumed campaign and the command that repeats
/// one know of it.
struct CampaignOption {
  using Words = std::vector<std::string>;

  std::string_view name;  ///< `case-time`; `case_time` in run.json
  std::variant<std::string Orders::*, Words Orders::*, bool Orders::*> value;
  std::string_view help;  ///< empty: the engines say it
  OnResume on_resume;
  bool recorded = true;
  bool shows_default = false;  ///< in the help
  bool quoted = false;         ///< a shell may read more into it than is meant
  std::string_view kind = {};  ///< what it takes, in the help: `TIME`; empty for a flag
  /// Those that are given anew as one: with one of them, none of the campaign's own counts any more.
  std::string_view together = {};

  std::string key() const;
};
std::span<const CampaignOption> campaign_options();

/// What `Folder::record` gives, read from a text of any kind: an Error unless all that a later campaign asks
/// it for is there and of its type.
nlohmann::json parse_record(const std::string& text);
/// A record that begins.
nlohmann::json new_record();
/// What the record keeps of the orders, and what they come to in this build.
nlohmann::json settings_of(const Orders&, const Space&);

/// The orders of the campaign that `record` is of, but for how long and on how many jobs, where `given` says
/// that anew. A directory that the record names is opened where it is the usual one, or where it is said
/// again: whoever wrote the file is not to choose what this person's process reads and writes. `usual`:
/// orders of which nothing was given. `space_of`: what orders come to here; an Error where they come to
/// nothing. An Error, too, where this build would draw other cases than the record's.
Orders go_on_with(const nlohmann::json& record, const Orders& given, const Orders& usual,
                  const std::function<Space(const Orders&)>& space_of);

/// The command that runs the same cases again.
std::string command_again(const Orders&, const Orders& usual, uint64_t cases);

/// A directory as it is recorded: wherever somebody goes on, it is the same.
std::string absolute(const std::string& path);

}  // namespace dtypefuzz

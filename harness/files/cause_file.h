#pragma once
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "dtypefuzz/cause.h"
#include "dtypefuzz/finding.h"

namespace dtypefuzz {

/// `cause.json` in the folder of a cause, beside the cases that show it.
struct CauseFile {
  Cause cause;
  std::string title = {};     ///< what is wrong, in one line; empty: what the cause says by itself
  std::string upstream = {};  ///< a link to the issue, or `none found`
  Whereabouts where = {};
  /// Signatures, each with the keys of `[seen]` under which it was seen, separated by spaces.
  std::map<std::string, std::string> places = {};
  bool operator==(const CauseFile&) const = default;

  std::string said() const { return title.empty() ? sentence_of(cause) : title; }
};
inline constexpr std::string_view kCauseFile = "cause.json";

/// The keys of a place.
std::vector<std::string> keys_in(const std::string& keys);

std::string print_cause_file(const CauseFile&);
/// Somebody else's text: an Error of one line for what is none.
CauseFile parse_cause_file(std::string_view text);
/// Of a regular file of some MiB at most; an Error names it.
CauseFile load_cause_file(const std::filesystem::path&);

/// Notes in the file of the finding's cause, below a directory, that its signature was seen under this key of
/// `[seen]`; makes the file where there is none. Returns the folder.
std::filesystem::path note_place(const std::filesystem::path& directory, const Finding&,
                                 const std::string& key);

/// `add_-takes-bias-3fa4c2d1`: readable, one to one with the cause (a hash of 32 bits aside), and a plain
/// name in its directory.
std::string folder_name_of(const Cause&);

}  // namespace dtypefuzz

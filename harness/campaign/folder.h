#pragma once
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "generators/stack.h"
#include "harness/campaign/snapshot.h"

namespace dtypefuzz {

/// The directory of a campaign. Everything in it is whole at any moment, whenever who dies:
/// a folder a cause with its file and its cases, `flaky/*.case` what did not repeat, `run.json` what the
/// campaign was told and what came of it, `state.json` how far it is, `inputs/` those of libFuzzer.
class Folder {
 public:
  /// Makes it where there is none, and takes it: one campaign at a time, an Error with the process id of who
  /// has it. It is free again when this process ends, however it does.
  explicit Folder(const std::filesystem::path&);
  ~Folder();
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  /// Beside the finding: `about` lines of the caller, the stack, and what a flaky one showed. Returns where.
  std::filesystem::path save(const Finding&, const Space&, Standing, std::vector<Choice> about) const;
  void save(const Snapshot&) const;
  /// The state that was saved last; a campaign's beginning where none was.
  Snapshot snapshot() const;
  void save_record(const nlohmann::json&) const;
  /// An Error where no campaign has been here.
  nlohmann::json record() const;
  /// Takes away what a campaign needs to go on, findings stay: a new one begins.
  void begin_anew() const;

 private:
  std::filesystem::path path_;
  int lock_ = -1;
};

}  // namespace dtypefuzz

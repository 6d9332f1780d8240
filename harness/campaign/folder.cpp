#include "harness/campaign/folder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cstring>

#include "dtypefuzz/error.h"
#include "harness/campaign/record.h"
#include "harness/core/text.h"
#include "harness/files/case_file.h"
#include "harness/files/cause_file.h"
#include "harness/files/files.h"
#include "harness/files/seen.h"

namespace dtypefuzz {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMostRecord = 1 << 20, kMostState = 256 << 20;

/// What is read goes on; what is not says how to begin anew.
template <class Read>
auto from_file(const fs::path& file, size_t most, const Read& read) {
  try {
    const std::string text = read_file(file, most);
    try {
      return read(text);
    } catch (const Error& e) {
      throw e.at(as_text(file.string()));
    }
  } catch (const Error& e) {
    throw Error(fmt::format("{}; to begin anew, leave out --resume and give --out {}", e.what(),
                            as_text(file.parent_path().string())));
  }
}

}  // namespace

Folder::Folder(const fs::path& path) : path_(path) {
  if (path.empty()) fail("--out '': expected a directory");
  std::error_code error;
  fs::create_directories(path, error);
  if (!error && access(path.c_str(), W_OK) != 0) error.assign(errno, std::generic_category());
  if (error)
    fail_environment("--out {}: cannot be written: {}; choose another directory", path.string(),
                     error.message());
  const auto lock = path / "lock";
  lock_ = open(lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (lock_ < 0)
    fail_environment("--out {}: cannot be written: {}; choose another directory", path.string(),
                     std::strerror(errno));
  // A record lock: no child inherits it, the system takes it away with the process, and knows whose it is.
  struct flock wanted = {};
  wanted.l_type = F_WRLCK;
  if (fcntl(lock_, F_SETLK, &wanted) != 0) {
    struct flock held = wanted;
    const bool known = fcntl(lock_, F_GETLK, &held) == 0 && held.l_type != F_UNLCK && held.l_pid > 0;
    close(lock_);
    fail_environment("{}: process {} runs a campaign there; wait for it, or choose another --out",
                     path.string(), known ? std::to_string(held.l_pid) : "of another machine");
  }
  // What a writer left that died while it wrote.
  std::vector<fs::path> torn;
  for (fs::recursive_directory_iterator entry(path, error), end; !error && entry != end;
       entry.increment(error)) {
    if (entry.depth() > 1 || entry->path().filename() == "inputs") entry.disable_recursion_pending();
    if (entry->path().extension() == ".tmp") torn.push_back(entry->path());
  }
  for (const auto& file : torn) fs::remove(file, error);
}

Folder::~Folder() {
  close(lock_);
}

fs::path Folder::save(const Finding& finding, const Space& space, Standing standing,
                      std::vector<Choice> about) const {
  const auto signature = to_string(finding.violation.signature);
  if (!finding.stack.empty()) about.push_back({"stack", finding.stack});
  for (size_t i = 0; i < finding.observed.size(); ++i)
    about.push_back({fmt::format("run_{}", i + 1), finding.observed[i]});
  const std::string key = seen_key(cpu_capability());
  const auto file = (standing == Standing::flaky ? path_ / "flaky" : note_place(path_, finding, key)) /
                    file_name_of(signature);
  write_atomically(file, print_shortest({finding.body, std::move(about), {{key, {signature}}}, {}}, space));
  return file;
}

void Folder::save(const Snapshot& snapshot) const {
  write_atomically(path_ / "state.json", print_snapshot(snapshot));
}

Snapshot Folder::snapshot() const {
  const auto file = path_ / "state.json";
  std::error_code error;
  if (fs::symlink_status(file, error).type() == fs::file_type::not_found) return {};
  return from_file(file, kMostState, parse_snapshot);
}

namespace {

/// Objects a field a line, lists on one.
std::string laid_out(const nlohmann::json& json, size_t indent) {
  if (!json.is_object() || json.empty()) {
    std::string text = json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    return text;
  }
  const std::string margin(indent + 2, ' ');
  std::string text = "{";
  for (const auto& [name, value] : json.items())
    text += (text.size() > 1 ? ",\n" : "\n") + margin +
            nlohmann::json(name).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + ": " +
            laid_out(value, indent + 2);
  return text + "\n" + std::string(indent, ' ') + "}";
}

}  // namespace

void Folder::save_record(const nlohmann::json& record) const {
  write_atomically(path_ / "run.json", laid_out(record, 0) + "\n");
}

nlohmann::json Folder::record() const {
  const auto file = path_ / "run.json";
  std::error_code error;
  if (fs::symlink_status(file, error).type() == fs::file_type::not_found)
    fail("--resume {}: no run.json is there, so no campaign has been; give the --out of one", path_.string());
  return from_file(file, kMostRecord, parse_record);
}

void Folder::begin_anew() const {
  std::error_code error;
  for (const auto* name : {"state.json", "run.json", "inputs"}) fs::remove_all(path_ / name, error);
}

}  // namespace dtypefuzz

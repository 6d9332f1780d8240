#include "harness/campaign/worker.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>

#include "dtypefuzz/error.h"
#include "harness/files/finding_json.h"
#include "harness/isolate/crash.h"
#include "harness/isolate/pool.h"
#include "harness/run/position.h"
#include "harness/run/stages.h"

namespace dtypefuzz {

using Json = nlohmann::json;

Worker::Worker(Settings settings, int job, uint64_t start, int board_file, int pipe)
    : settings_(std::move(settings)),
      job_(job),
      start_(start),
      board_file_(board_file),
      pipe_(pipe),
      board_(Board::mapped(board_file, settings_.jobs)),
      checker_(settings_.strictness) {
  if (settings_.keeps_times) keep_stage_times(&slot().times);
  if (settings_.trace.empty()) return;
  trace_file_ = open(settings_.trace.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (trace_file_ < 0) fail_environment("{}: {}", settings_.trace, std::strerror(errno));
}

Slot& Worker::slot() const {
  return board_->slot(static_cast<size_t>(job_));
}

std::optional<uint64_t> Worker::claim() {
  Slot& mine = slot();
  if (mine.claimed) return mine.index;  // by the one before, which died before it came to run it
  make_way_if_large();
  for (;;) {
    if (board_->stop) return std::nullopt;
    uint64_t index = board_->next;
    if (settings_.runs > 0 && index >= settings_.runs) return std::nullopt;
    if (index >= board_->settled + Board::kLedger) {
      usleep(1000);
      continue;
    }
    mine.index = index;
    mine.claimed = true;
    if (board_->next.compare_exchange_strong(index, index + 1)) return index;
    mine.claimed = false;
  }
}

Checked Worker::work_on(Reading&& reading) {
  Slot& mine = slot();
  mine.in_flight.enter(reading.body);
  Checked checked = check_guarded(checker_, std::move(reading.plan), Siblings::sampled, &mine.remains);
  const InStage stage(Stage::tell);
  if (trace_file_ >= 0) {
    trace_.append(mine.in_flight.text, mine.in_flight.length) += '\n';
    // Whole cases at once: workers write to one file, and may end at any time.
    if (trace_.size() > size_t{1} << 16) write_line(trace_file_, trace_), trace_.clear();
  }
  for (size_t i = 0; i < checked.violations.size(); ++i)
    if (met_.insert(to_string(checked.violations[i].signature)).second)
      write_line(pipe_, line_of(to_json(Candidate{
                            {mine.index, i}, {.violation = checked.violations[i], .body = reading.body}})));
  const bool finished = !checked.seen.error && checked.seen.not_applicable.empty();
  board_->mark(mine.index, finished ? Board::kFinished : Board::kJudged);
  mine.claimed = false;
  ++mine.served;
  return checked;
}

namespace {

/// What a name in a ticket stands for.
template <class Found>
auto known_here(const Found& found, const Json& name) {
  if (!found) fail("a worker was given {}, of which it knows nothing", name.dump());
  if constexpr (std::is_pointer_v<Found>)
    return found;
  else
    return *found;
}

}  // namespace

std::string Worker::ticket() const {
  Json json{{"job", job_},
            {"start", start_},
            {"board", board_file_},
            {"pipe", pipe_},
            {"runs", settings_.runs},
            {"seed", settings_.seed},
            {"jobs", settings_.jobs},
            {"seconds", settings_.limits.seconds},
            {"bytes", settings_.limits.bytes},
            {"times", settings_.keeps_times},
            {"trace", settings_.trace},
            {"strict", settings_.strictness.strict}};
  for (const auto* list : {"modules", "losses", "dtypes", "devices"}) json[list] = Json::array();
  for (const Row* row : settings_.space.modules) json["modules"].push_back(row->name);
  for (const Row* row : settings_.space.losses) json["losses"].push_back(row->name);
  for (const Dtype dtype : settings_.space.dtypes) json["dtypes"].push_back(name_of(dtype));
  for (const Device device : settings_.space.devices) json["devices"].push_back(device->name);
  return json.dump();
}

Worker Worker::attached(const std::string& ticket, const Space& whole) {
  const Json json = Json::parse(ticket);
  Settings settings{.engine = {},
                    .runs = json.at("runs"),
                    .seed = json.at("seed"),
                    .jobs = json.at("jobs"),
                    .limits = {json.at("seconds"), json.at("bytes")},
                    .space = {},
                    .whole = whole,
                    .bias = {},
                    .strictness = {json.at("strict")},
                    .known = {},
                    .keeps_times = json.at("times"),
                    .trace = json.at("trace")};
  for (const auto& name : json.at("modules"))
    settings.space.modules.push_back(known_here(whole.row(name.get<std::string>()), name));
  for (const auto& name : json.at("losses"))
    settings.space.losses.push_back(known_here(whole.row(name.get<std::string>()), name));
  for (const auto& name : json.at("dtypes"))
    settings.space.dtypes.push_back(*parse_dtype(name.get<std::string>()));
  for (const auto& name : json.at("devices"))
    settings.space.devices.push_back(known_here(whole.device(name.get<std::string>()), name));
  Worker worker(std::move(settings), json.at("job"), json.at("start"), json.at("board"), json.at("pipe"));
  Remains& remains = worker.slot().remains;
  guard_process(remains, worker.settings_.limits, /*own_map=*/true);
  write_positions_to(&remains.position);
  return worker;
}

}  // namespace dtypefuzz

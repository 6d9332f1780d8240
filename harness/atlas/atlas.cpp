#include "harness/atlas/atlas.h"

#include <fmt/format.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "dtypefuzz/build_info.h"
#include "harness/check/check.h"
#include "harness/core/error.h"
#include "harness/files/seen.h"
#include "harness/isolate/isolate.h"
#include "harness/run/model.h"
#include "harness/run/run.h"
#include "properties/grade.h"
#include "properties/messages.h"

namespace dtypefuzz {
namespace {

// What is run: subjects

/// A module's variant in one mode on one device, ready to be given dtypes.
struct Subject {
  Plan plan;
  bool is_loss = false;
  Layout layout;
  size_t parameters = 0;       ///< operands before `input`, which is followed by the inputs that are there
  std::vector<size_t> inputs;  ///< of the operands after `input`: their indices in the plan
  LayerPlan& module() { return is_loss ? *plan.loss : plan.layers.front(); }
};

struct Variant {
  std::string name, value;  ///< none: the simplest answers
  bool operator==(const Variant&) const = default;
  std::string text(std::string_view path) const {
    return name.empty() ? "simplest" : name.substr(path.size() + 1) + "=" + value;
  }
};

std::string_view path_of(bool is_loss) {
  return is_loss ? "loss" : "layers[0]";
}

/// One row and the cases that it is alone in. A loss stands behind an Identity.
struct Alone {
  bool is_loss = false;
  Space space;
  Case simplest;
  Reading reading(const Case& c) const { return reading_of(c, space); }
};

Alone alone(const Row& row, bool is_loss, const Space& whole) {
  Alone a{.is_loss = is_loss, .space = whole, .simplest = {}};
  a.space.modules = {is_loss ? &identity_row() : &row};
  a.space.losses.clear();
  a.simplest.set("layers", "1");
  if (!is_loss) return a;
  a.space.losses = {&row};
  a.simplest.set("loss", row.name);
  for (const auto* batch : {"1", "2"})  // the first shape that it takes
    for (const auto* rank : {"2", "3", "1", "4"}) {
      a.simplest.set("input.rank", rank);
      a.simplest.set("batch", batch);
      if (a.reading(a.simplest).plan.loss) return a;
    }
  fail("no shape of an Identity's output fits the loss {}", row.name);
}

/// The simplest answers, then each other answer to each setting of the module's own.
void add_variants(const Alone& row, const Case& base, std::vector<Variant>& variants) {
  const Reading reading = row.reading(base);
  for (const auto& [name, value, answer] : reading.questions()) {
    if (answer.ask != Ask::setting || !lies_in(name, path_of(row.is_loss))) continue;
    for (uint32_t option = 0; option < answer.options; ++option) {
      if (option == answer.taken) continue;
      const Reading other = with_option(reading.body, name, option, row.space);
      const Variant variant{name, std::string(other.body[name])};
      if (std::find(variants.begin(), variants.end(), variant) == variants.end()) variants.push_back(variant);
    }
  }
}

/// All dtypes that grids name: those that axes run over, then those that an operand has by nature.
class Dtypes {
 public:
  explicit Dtypes(const std::vector<Dtype>& axis) : all_(axis), axis_(axis.size()) {}
  uint32_t index(Dtype dtype) {
    const auto at = std::find(all_.begin(), all_.end(), dtype);
    if (at == all_.end()) return all_.push_back(dtype), static_cast<uint32_t>(all_.size() - 1);
    return static_cast<uint32_t>(at - all_.begin());
  }
  const std::vector<Dtype>& all() const { return all_; }
  size_t axis() const { return axis_; }
  bool on_axis(uint32_t dtype) const { return dtype < axis_; }

 private:
  std::vector<Dtype> all_;
  size_t axis_;
};

Layout layout_of(Subject& subject, Dtypes& dtypes) {
  const LayerPlan& module = subject.module();
  Layout layout;
  std::vector<std::optional<Dtype>> natural;  // beside the operands; nothing: as the parameters
  const auto add = [&](std::string_view name, std::optional<Dtype> dtype) {
    layout.operands.emplace_back(name);
    natural.push_back(dtype);
  };
  for (const auto& parameter : module.drawn.parameters) add(parameter, std::nullopt);
  subject.parameters = layout.operands.size();
  const auto input = static_cast<uint32_t>(subject.parameters);
  add(module.input_name, module.input_natural);
  for (size_t i = 0; i < module.drawn.inputs.size(); ++i)
    if (module.drawn.inputs[i].present) {
      add(module.drawn.inputs[i].name, module.drawn.inputs[i].natural);
      subject.inputs.push_back(i);
    }

  std::vector<uint32_t> followers;  // operands whose dtype is the parameters' unless something else is said
  for (uint32_t i = 0; i < layout.operands.size(); ++i)
    if (!natural[i]) followers.push_back(i);
  const auto grid_along = [&](uint32_t column) {
    Grid grid;
    grid.column = column;
    for (uint32_t i = 0; i < layout.operands.size(); ++i) {
      if (i == column) continue;
      if (natural[i])
        grid.fixed.emplace_back(i, dtypes.index(*natural[i]));
      else
        grid.rows.push_back(i);
    }
    return grid;
  };
  layout.grids.push_back(grid_along(input));
  const bool mirrored = followers.size() == 2 && followers[0] == input;  // two inputs: rows and columns swap
  for (uint32_t i = input + 1; i < layout.operands.size(); ++i) {
    const bool alone = followers.size() == 1 && followers[0] == i;  // a column of the first grid
    if (alone || (mirrored && followers[1] == i)) continue;
    Grid grid = grid_along(i);
    // Where `i` is as it is by itself, the cell stands in the grid before.
    if (!natural[i])
      grid.leaves_out = Grid::kDtypeOfTheRow;
    else if (const uint32_t own = dtypes.index(*natural[i]); dtypes.on_axis(own))
      grid.leaves_out = own;
    layout.grids.push_back(std::move(grid));
  }
  // One parameter alone, the rest in a usual dtype. Where it has one operand beside it, those cells are
  // there.
  if (subject.parameters == 1 && followers.size() <= 2) return layout;
  for (uint32_t parameter = 0; parameter < subject.parameters; ++parameter)
    for (const Dtype rest : {Dtype::Float, Dtype::BFloat16}) {
      const uint32_t usual = dtypes.index(rest);
      if (!dtypes.on_axis(usual)) continue;  // `--dtypes` leaves it aside
      Grid grid = grid_along(parameter);
      for (const uint32_t operand : grid.rows) grid.fixed.emplace_back(operand, usual);
      grid.rows.clear();
      grid.leaves_out = usual;
      layout.grids.push_back(std::move(grid));
    }
  return layout;
}

/// The subject, or nothing where the variant is not offered in this mode on this device.
std::optional<Subject> subject_of(const Alone& row, const Variant& variant, Mode mode, Device device,
                                  Dtypes& dtypes) {
  Case c = row.simplest;
  c.set("mode", to_string(mode));
  c.set("device", to_string(device));
  c.set("input.requires_grad", "true");
  if (!variant.name.empty()) c.set(variant.name, variant.value);
  Reading reading = row.reading(c);
  if (!variant.name.empty() && reading.body[variant.name] != variant.value) return std::nullopt;
  Subject subject{.plan = std::move(reading.plan), .is_loss = row.is_loss, .layout = {}, .inputs = {}};
  if (row.is_loss && !subject.plan.loss) return std::nullopt;
  if (row.is_loss) {
    LayerPlan& identity = subject.plan.layers.front();
    identity.input_content = subject.plan.loss->input_content;
    identity.drawn.input_limit = subject.plan.loss->drawn.input_limit;
  }
  subject.layout = layout_of(subject, dtypes);
  return subject;
}

/// Gives the operands their dtypes.
void give_dtypes(Subject& subject, const Grid& grid, std::span<const uint32_t> dtype_of,
                 const std::vector<Dtype>& dtypes) {
  Plan& plan = subject.plan;
  LayerPlan& module = subject.module();
  const size_t input = subject.parameters;
  plan.input_dtype = dtypes[dtype_of[input]];
  for (size_t i = 0; i < subject.inputs.size(); ++i)
    module.drawn.inputs[subject.inputs[i]].dtype = dtypes[dtype_of[input + 1 + i]];
  module.operand_dtypes.clear();
  if (subject.parameters == 0) return;
  // As a person would: all of them through `to()`, and what differs from the rest afterwards.
  const size_t usual = grid.column == 0 && subject.parameters > 1 ? 1 : 0;
  plan.params_dtype = dtypes[dtype_of[usual]];
  for (size_t i = 0; i < subject.parameters; ++i)
    if (dtype_of[i] != dtype_of[usual])
      module.operand_dtypes.emplace_back(module.drawn.parameters[i], dtypes[dtype_of[i]]);
}

// What a cell came to, in one word that processes share

/// Families by number: those of the messages, and what stands in their place.
const std::vector<std::string>& families() {
  static const auto all = [] {
    std::vector<std::string> names = {"accepted", "unrecognized", "not_set_up", "hang",   "ended",  "SIGSEGV",
                                      "SIGABRT",  "SIGFPE",       "SIGILL",     "SIGBUS", "SIGKILL"};
    for (const Family& family : message_families())
      if (std::find(names.begin(), names.end(), family.name) == names.end()) names.emplace_back(family.name);
    return names;
  }();
  return all;
}
uint32_t family_number(std::string_view name, std::string_view otherwise) {
  static const auto numbers = [] {
    std::map<std::string_view, uint32_t> by_name;
    for (const auto& family : families()) by_name.emplace(family, static_cast<uint32_t>(by_name.size()));
    return by_name;
  }();
  const auto at = numbers.find(name);
  return at != numbers.end() ? at->second : numbers.at(otherwise);
}

/// A result as a word; zero: not run.
struct Word {
  static constexpr uint32_t kNone = 0, kExact = 1, kVague = 2, kBlamesOther = 3, kBlames = 4;  // grades
  uint32_t outcome : 6 = 0;
  uint32_t phase : 4 = 0;
  uint32_t family : 10 = 0;
  uint32_t grade : 6 = kNone;  ///< from `kBlames` on: which operand of the layout
  uint32_t output : 6 = static_cast<uint32_t>(Dtype::Undefined);
};
static_assert(sizeof(Word) == sizeof(uint32_t) && static_cast<uint32_t>(Dtype::NumOptions) <= 64);

uint32_t grade_word(const Grade& grade, const Layout& layout) {
  switch (grade.kind) {
    case Grade::kExact:
      return Word::kExact;
    case Grade::kVague:
      return Word::kVague;
    case Grade::kBlames: {
      const auto at = std::find(layout.operands.begin(), layout.operands.end(), grade.blamed);
      const auto word = static_cast<uint32_t>(Word::kBlames + (at - layout.operands.begin()));
      return at == layout.operands.end() || word > 63 ? Word::kBlamesOther : word;
    }
    case Grade::kNone:
    case Grade::kFault:
      break;
  }
  return Word::kNone;
}

Outcome outcome_of(const Checked& checked, const std::optional<Recognized>& known, const Grade& grade) {
  const Observation& seen = checked.seen;
  if (!seen.not_applicable.empty()) return Outcome::not_applicable;
  if (!checked.violations.empty()) {
    const auto worst = std::min_element(checked.violations.begin(), checked.violations.end(),
                                        [](auto& a, auto& b) { return a.severity < b.severity; });
    const auto properties = all_properties();
    const auto at = std::find_if(properties.begin(), properties.end(),
                                 [&](auto& p) { return p.name == worst->signature.property; });
    return static_cast<Outcome>(static_cast<size_t>(Outcome::first_violation) +
                                static_cast<size_t>(at - properties.begin()));
  }
  if (!seen.error) return Outcome::succeeded;
  if (!known) return Outcome::failed;
  switch (known->family->kind) {
    case MessageKind::mismatch:
    case MessageKind::cast:
      return Outcome::refused;
    case MessageKind::unsupported:
      return grade.kind == Grade::kExact ? Outcome::refused : Outcome::unsupported;
    case MessageKind::range:
    case MessageKind::device:
    case MessageKind::no_meta:
    case MessageKind::autograd:
      return Outcome::not_applicable;
    case MessageKind::other:
      break;
  }
  return Outcome::failed;
}

Word word_of(const Checked& checked, const Layout& layout) {
  const Observation& seen = checked.seen;
  const auto known = seen.error ? recognize(seen.error->message) : std::nullopt;
  Grade grade;
  if (!seen.calls.empty() && seen.calls.back().threw) {
    const Promise& promise = checked.promised.calls.back();
    if (promise.kind == Promise::kRefusesMismatch || promise.kind == Promise::kRefusesCategory)
      grade = grade_of_refusal(checked.promised, promise, seen.calls.back(), known);
  }
  const std::string_view family = !seen.not_applicable.empty() ? "not_set_up"
                                  : !seen.error                ? "accepted"
                                  : known                      ? known->family->name
                                                               : "unrecognized";
  Word word;
  word.outcome = static_cast<uint32_t>(outcome_of(checked, known, grade)) & 63;
  word.phase = static_cast<uint32_t>(seen.error ? seen.error->phase : seen.reached) & 15;
  word.family = family_number(family, "unrecognized") & 1023;
  word.grade = grade_word(grade, layout) & 63;
  if (!seen.calls.empty() && !seen.calls.back().given.empty())
    word.output = static_cast<uint32_t>(seen.calls.back().given.front()) & 63;
  return word;
}

CellResult result_of(Word word, const Layout& layout) {
  constexpr std::string_view kOutcomes[] = {"none",   "succeeded",      "refused", "unsupported",
                                            "failed", "not_applicable", "crash"};
  CellResult result;
  if (word.outcome < static_cast<uint32_t>(Outcome::first_violation)) {
    result.outcome = kOutcomes[word.outcome];
  } else {
    const size_t property = word.outcome - static_cast<size_t>(Outcome::first_violation);
    result.outcome = fmt::format("violated:{}", all_properties()[property].name);
  }
  result.phase = to_string(static_cast<Phase>(word.phase));
  result.family = families()[word.family];
  result.grade = word.grade == Word::kNone          ? "-"
                 : word.grade == Word::kExact       ? "exact"
                 : word.grade == Word::kVague       ? "vague"
                 : word.grade == Word::kBlamesOther ? "blames another"
                                                    : "blames " + layout.operands[word.grade - Word::kBlames];
  const auto output = static_cast<Dtype>(word.output);
  result.output_dtype = output == Dtype::Undefined ? "-" : name_of(output);
  return result;
}

// How it is run

struct Piece {
  Section section;
  size_t subject = 0;
  std::optional<Dtype> autocast;
  size_t first = 0;  ///< of its cells among all
};

/// What a worker and its parent share: the cell in flight is known before it runs.
struct CellSlot {
  static constexpr uint64_t kNone = UINT64_MAX;
  std::atomic<uint64_t> piece{kNone}, cell{kNone};
  std::atomic<double> since{0};
  PositionWord position{0};
  std::atomic<bool> judging{false};      ///< the cell itself has ended; a consistent case is run to judge it
  std::atomic<uint64_t> unasked{kNone};  ///< the cell for which that ended the process
};
struct Board {
  std::atomic<uint64_t> next{0}, cells{0}, runs{0};
};

class Shared {
 public:
  Shared(size_t jobs, size_t pieces, size_t cells)
      : bytes_(sizeof(Board) + jobs * sizeof(CellSlot) + cells * sizeof(Word) + pieces) {
    memory_ =
        mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory_ == MAP_FAILED) fail_environment("no {} bytes of shared memory for {} cells", bytes_, cells);
    board = new (memory_) Board;
    slots = reinterpret_cast<CellSlot*>(board + 1);
    for (size_t i = 0; i < jobs; ++i) new (slots + i) CellSlot;
    words = reinterpret_cast<Word*>(slots + jobs);
    done = reinterpret_cast<std::atomic<bool>*>(words + cells);
  }
  ~Shared() { munmap(memory_, bytes_); }
  Shared(const Shared&) = delete;
  Shared& operator=(const Shared&) = delete;

  Board* board;
  CellSlot* slots;
  Word* words;              ///< all cells; those of zero are still to be run
  std::atomic<bool>* done;  ///< beside the pieces
 private:
  size_t bytes_;
  void* memory_;
};

bool is_set(Word word) {
  return word.outcome != 0;
}

/// Runs the cells of a piece that have no result yet.
class PieceRun {
 public:
  PieceRun(const Piece& piece, Subject subject, const Dtypes& dtypes, Shared& shared, CellSlot& slot)
      : piece_(piece),
        subject_(std::move(subject)),
        dtypes_(dtypes),
        shared_(shared),
        slot_(slot),
        early_(static_cast<size_t>(Dtype::NumOptions)) {
    subject_.plan.autocast = piece.autocast;
  }

  void go() {
    each_cell(subject_.layout, dtypes_.axis(), [&](size_t cell, const Grid& grid, auto dtype_of) {
      Word& word = shared_.words[piece_.first + cell];
      if (is_set(word)) return;
      give_dtypes(subject_, grid, dtype_of, dtypes_.all());
      // Where making the module and giving it its dtype fails, nothing else has come into play.
      Word* const early = subject_.parameters > 0 && subject_.module().operand_dtypes.empty()
                              ? &early_[static_cast<size_t>(subject_.plan.params_dtype)]
                              : nullptr;
      if (early && is_set(*early)) {
        word = *early;
      } else {
        word = run_one(piece_.first + cell);
        const auto phase = static_cast<Phase>(word.phase);
        if (early && ran_into_error_ && (phase == Phase::construct || phase == Phase::convert)) *early = word;
      }
      shared_.board->cells.fetch_add(1, std::memory_order_relaxed);
    });
  }

 private:
  Word run_one(size_t cell) {
    slot_.position.store(0, std::memory_order_relaxed);
    slot_.judging = false;
    slot_.since.store(now(), std::memory_order_relaxed);
    slot_.cell = cell;
    Observation seen = run(subject_.plan, &stock_);
    ran_into_error_ = seen.error.has_value();
    slot_.judging = true;
    checker_.assume_unsupported(slot_.unasked == cell);
    Checked checked = checker_.judged(std::move(subject_.plan), std::move(seen));
    const Word word = word_of(checked, subject_.layout);
    subject_.plan = std::move(checked.plan);
    slot_.cell = CellSlot::kNone;
    shared_.board->runs.fetch_add(1, std::memory_order_relaxed);
    return word;
  }

  const Piece& piece_;
  Subject subject_;
  const Dtypes& dtypes_;
  Shared& shared_;
  CellSlot& slot_;
  Checker checker_;
  Stock stock_;
  std::vector<Word> early_;  ///< by the parameters' dtype: how it ended before an input was made
  bool ran_into_error_ = false;
};

/// All that is to be run, in the order of the file.
struct Work {
  Dtypes dtypes;
  std::vector<Subject> subjects;
  std::vector<Piece> pieces;
  size_t cells = 0;
};

Work work_of(const AtlasSettings& settings) {
  Work work{.dtypes = Dtypes(settings.space.dtypes), .subjects = {}, .pieces = {}};
  constexpr Mode kModes[] = {Mode::train, Mode::eval, Mode::no_grad, Mode::inference};
  constexpr Device kOn[] = {kCpu, kMeta};
  const auto add = [&](const std::string_view name, const Alone& row) {
    std::vector<Variant> variants = {{}};
    for (const Device device : kOn)
      for (const Mode mode : kModes) {
        Case c = row.simplest;
        c.set("device", to_string(device));
        c.set("mode", to_string(mode));
        add_variants(row, c, variants);
      }
    for (const Variant& variant : variants)
      for (const Device device : kOn) {
        std::vector<std::optional<size_t>> by_mode;
        for (const Mode mode : kModes) {
          auto subject = subject_of(row, variant, mode, device, work.dtypes);
          by_mode.push_back(subject ? std::optional(work.subjects.size()) : std::nullopt);
          if (subject) work.subjects.push_back(std::move(*subject));
        }
        std::vector<std::optional<Dtype>> regions = {std::nullopt};
        regions.insert(regions.end(), device->autocast_dtypes.begin(), device->autocast_dtypes.end());
        for (const auto& autocast : regions)
          for (size_t mode = 0; mode < by_mode.size(); ++mode) {
            if (!by_mode[mode]) continue;
            work.pieces.push_back({.section = {.module = std::string(name),
                                               .variant = variant.text(path_of(row.is_loss)),
                                               .device = std::string(to_string(device)),
                                               .autocast = std::string(autocast ? name_of(*autocast) : "off"),
                                               .mode = std::string(to_string(kModes[mode]))},
                                   .subject = *by_mode[mode],
                                   .autocast = autocast,
                                   .first = work.cells});
            work.cells += work.subjects[*by_mode[mode]].layout.cell_count(work.dtypes.axis());
          }
      }
  };
  for (const Row* row : settings.space.modules)
    add(row->name, alone(*row, /*is_loss=*/false, settings.whole));
  for (const Row* row : settings.space.losses) add(row->name, alone(*row, /*is_loss=*/true, settings.whole));
  return work;
}

class Workers {
 public:
  Workers(const Work& work, Shared& shared, size_t jobs) : work_(work), shared_(shared), pids_(jobs, -1) {
    for (size_t job = 0; job < jobs; ++job) start(job);
  }
  ~Workers() {
    for (const pid_t pid : pids_)
      if (pid > 0) {
        kill(pid, SIGKILL);
        waitpid(pid, nullptr, 0);
      }
  }
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  bool running() const {
    return std::any_of(pids_.begin(), pids_.end(), [](pid_t pid) { return pid > 0; });
  }

  /// Looks after those that have ended or hang; returns how many cells were the reason.
  size_t look_after(double cell_seconds) {
    size_t crashes = 0;
    for (size_t job = 0; job < pids_.size(); ++job) {
      if (pids_[job] <= 0) continue;
      CellSlot& slot = shared_.slots[job];
      const bool hung = slot.cell != CellSlot::kNone && now() - slot.since > cell_seconds;
      if (hung) kill(pids_[job], SIGKILL);
      int status = 0;
      if (waitpid(pids_[job], &status, hung ? 0 : WNOHANG) != pids_[job]) continue;
      pids_[job] = -1;
      const uint64_t cell = slot.cell;
      if (cell == CellSlot::kNone) {
        if (status != 0) fail_environment("a worker ended with status {} outside of any cell", status);
        continue;
      }
      if (slot.judging && slot.unasked != cell) {
        slot.unasked = cell;
      } else {
        ++crashes;
        shared_.words[cell] = crash(slot, status, hung);
        shared_.board->cells++;
      }
      start(job);
    }
    return crashes;
  }

 private:
  Word crash(const CellSlot& slot, int status, bool hung) const {
    const Subject& subject = work_.subjects[work_.pieces[slot.piece].subject];
    Remains remains;
    remains.position = slot.position.load();
    remains.thrown[0] = '\0';
    if (hung) remains.cause = Cause::hang;
    const Violation v = crash_of(subject.plan, remains, status);
    Word word;
    word.outcome = static_cast<uint32_t>(Outcome::crash) & 63;
    word.phase = static_cast<uint32_t>(position_of(slot.position).phase) & 15;
    word.family = family_number(v.signature.family, "ended") & 1023;
    return word;
  }

  void start(size_t job) {
    CellSlot& slot = shared_.slots[job];
    slot.cell = CellSlot::kNone;
    const pid_t pid = fork();
    if (pid < 0) fail_environment("cannot start a worker: {}", std::strerror(errno));
    if (pid == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      signal(SIGINT, SIG_IGN);  // the parent says when to end
      try {
        prepare_process();
        write_positions_to(&slot.position);
        work_on(slot);
      } catch (const std::exception& e) {
        fmt::print(stderr, "dtypefuzz: {}\n", e.what());
        _exit(3);
      }
      _exit(0);
    }
    pids_[job] = pid;
  }

  /// First what the worker before it was at, then what nobody has taken.
  void work_on(CellSlot& slot) {
    for (;;) {
      if (slot.piece == CellSlot::kNone) slot.piece = shared_.board->next++;
      if (slot.piece >= work_.pieces.size()) return;
      const Piece& piece = work_.pieces[slot.piece];
      PieceRun(piece, work_.subjects[piece.subject], work_.dtypes, shared_, slot).go();
      shared_.done[slot.piece] = true;
      slot.piece = CellSlot::kNone;
    }
  }

  const Work& work_;
  Shared& shared_;
  std::vector<pid_t> pids_;
};

}  // namespace

Atlas run_atlas(const AtlasSettings& settings, const OnSection& on_section,
                const std::function<void(const AtlasProgress&)>& tick, const std::atomic<int>& interrupted,
                AtlasProgress& progress) {
  const size_t outcomes = static_cast<size_t>(Outcome::first_violation) + all_properties().size();
  if (outcomes > 64 || families().size() > 1024)
    fail("{} outcomes and {} families do not fit into a cell's word", outcomes, families().size());
  const Work work = work_of(settings);
  const auto jobs = static_cast<size_t>(settings.jobs);
  Shared shared(jobs, work.pieces.size(), work.cells);
  progress = {.all_cells = work.cells};

  const std::string version(build_info::kLibTorchVersion);
  Atlas header;
  header.libtorch = version.substr(0, version.find('+'));
  header.cpu_capability = cpu_capability();
  for (const Dtype dtype : work.dtypes.all()) header.dtypes.emplace_back(name_of(dtype));
  header.axis = static_cast<uint32_t>(work.dtypes.axis());
  AtlasWriter writer(std::move(header));

  size_t written = 0;
  std::map<std::pair<uint32_t, const Layout*>, uint32_t> numbers;
  const auto write_finished = [&] {
    for (; written < work.pieces.size() && shared.done[written]; ++written) {
      const Piece& piece = work.pieces[written];
      const Layout& layout = work.subjects[piece.subject].layout;
      std::vector<uint32_t> cells(layout.cell_count(work.dtypes.axis()));
      for (size_t i = 0; i < cells.size(); ++i) {
        uint32_t bits;
        std::memcpy(&bits, &shared.words[piece.first + i], sizeof bits);
        const auto [at, is_new] = numbers.try_emplace({bits, &layout}, 0);
        if (is_new) at->second = writer.result(result_of(shared.words[piece.first + i], layout));
        cells[i] = at->second;
      }
      writer.add(piece.section, layout, cells);
      if (on_section) on_section(piece.section, layout, cells, writer.so_far());
    }
  };

  Workers workers(work, shared, std::min(jobs, std::max<size_t>(work.pieces.size(), 1)));
  double last_tick = 0;
  while (workers.running() && !progress.interrupted) {
    usleep(5'000);
    progress.crashes += workers.look_after(settings.cell_seconds);
    progress.interrupted = interrupted > 0;
    progress.cells = shared.board->cells, progress.runs = shared.board->runs;
    write_finished();
    if (now() - last_tick >= 0.2) {
      tick(progress);
      last_tick = now();
    }
  }
  write_finished();
  return std::move(writer).finish();
}

}  // namespace dtypefuzz

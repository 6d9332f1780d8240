#include "harness/atlas/judge.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <unordered_map>

#include "dtypefuzz/vocabulary.h"
#include "harness/atlas/subjects.h"
#include "properties/messages.h"

namespace dtypefuzz {
namespace {

constexpr CellRule kRules[] = {
    {"region", "what succeeds outside of autocast succeeds in each documented region"},
    {"option", "what a module takes with its simplest options it takes with the others"},
    {"documented", "a dtype that is documented for an operand is not refused"},
    {"mismatch", "a message of a mismatch or a cast needs operands that differ"},
    {"unsupported", "a refusal is LibTorch's own, from no backend's inside, and about dtypes"},
    {"modes", "train, eval, no_grad and inference accept alike and give the same dtype"},
    {"dimensions", "1d, 2d and 3d of a family take the same dtypes"},
};
constexpr std::string_view kRealistic[] = {"float64", "float32", "float16", "bfloat16", "int64",
                                           "int32",   "int8",    "uint8",   "bool",     "complex64"};

constexpr uint32_t kNone = UINT32_MAX;

/// What a result is, so that nobody compares texts for each cell.
struct Kind {
  bool accepted = false, refused = false, violated = false;
  bool mismatch = false, untrue = false;
  bool of_autograd = false;  ///< a text of this family may be about autograd alone
  std::string_view judged;   ///< by the survey; empty: by nothing
};

const Family* family_named(std::string_view name) {
  const auto all = message_families();
  const auto at = std::ranges::find(all, name, &Family::name);
  return at == all.end() ? nullptr : &*at;
}

Kind kind_of(const CellResult& result) {
  Kind kind;
  kind.violated = result.outcome.starts_with("violated");
  const Family* family = family_named(result.family);
  const bool threw = result.exception != "-" || (result.family != "accepted" && family);
  const bool about_dtypes =
      !family || (family->kind != MessageKind::range && family->kind != MessageKind::device &&
                  family->kind != MessageKind::no_meta && family->kind != MessageKind::autograd &&
                  family->mark != Family::kRestrictsAutograd);
  kind.accepted =
      result.family == "accepted" && result.outcome != "not_applicable" && result.outcome != "crash";
  kind.refused = threw && about_dtypes && result.outcome != "not_applicable" && result.outcome != "crash";
  kind.of_autograd = std::ranges::any_of(message_families(), [&](const Family& one) {
    return one.name == result.family && one.mark == Family::kRestrictsAutograd;
  });
  if (kind.refused && family) {
    kind.mismatch = family->kind == MessageKind::mismatch || family->kind == MessageKind::cast;
    kind.untrue = (family->kind == MessageKind::unsupported && family->mark == Family::kFromInside) ||
                  family->kind == MessageKind::other;
  }
  if (kind.refused && result.exception != "-" && !result.exception.starts_with("c10::")) kind.untrue = true;
  if (result.judged != "-") kind.judged = result.judged;
  return kind;
}

/// What is known of the operands of one variant.
struct Known {
  std::vector<std::optional<Dtype>> natural;  ///< beside the layout's operands
  const Row* row = nullptr;
  std::string option;  ///< of the variant; empty: the simplest
};

/// A section with its cells.
struct Table {
  const Section* section = nullptr;
  const Layout* layout = nullptr;
  Known known;
  std::vector<uint32_t> results = {};
  std::vector<uint32_t> consistent = {};  ///< by dtype: the cell in which all operands agree on it, or kNone
};

/// The family of modules whose names end in a number of dimensions.
std::string family_of(std::string_view module) {
  const size_t n = module.size();
  const bool numbered = n > 2 && module[n - 1] == 'd' && module[n - 2] >= '1' && module[n - 2] <= '3';
  return numbered ? std::string(module.substr(0, n - 2)) : std::string();
}

class Judging {
 public:
  Judging(const Atlas& atlas, const Space& space) : atlas_(atlas), space_(space) {
    for (const CellResult& result : atlas.results) kinds_.push_back(kind_of(result));
    for (const std::string& name : atlas.dtypes) {
      dtypes_.push_back(parse_dtype(name));
      realistic_.push_back(std::ranges::find(kRealistic, name) != std::end(kRealistic));
    }
    for (const Section& section : atlas.sections) add(section);
    for (Table& table : tables_) lay_out_consistent(table);
  }

  Judgement judged() {
    for (const Table& table : tables_) judge(table);
    for (auto& [key, group] : groups_) judgement_.groups.push_back(std::move(group));
    std::ranges::stable_sort(judgement_.groups, [](const FlaggedGroup& a, const FlaggedGroup& b) {
      return std::tie(a.rule, b.cells) < std::tie(b.rule, a.cells);
    });
    return std::move(judgement_);
  }

 private:
  // The tables
  void add(const Section& section) {
    const Row* row = space_.row(section.module);
    if (!row) return;
    Table table{
        .section = &section, .layout = &atlas_.layouts[section.layout], .known = known_of(*row, section)};
    if (table.known.natural.size() != table.layout->operands.size()) return;  // another version's
    table.results = atlas_.results_of(section);
    by_key_[key_of(section.module, section.variant, section.device, section.autocast, section.mode)] =
        tables_.size();
    tables_.push_back(std::move(table));
  }

  /// By nature, as the row has it today; asked once for a variant in a mode on a device.
  const Known& known_of(const Row& row, const Section& section) {
    const std::string key = key_of(section.module, section.variant, section.device, "", section.mode);
    if (const auto at = known_.find(key); at != known_.end()) return at->second;
    Known& known = known_[key];
    known.row = &row;
    auto [at, is_new] = alone_.try_emplace(section.module);
    if (is_new)
      at->second = alone(row, std::ranges::find(space_.losses, &row) != space_.losses.end(), space_);
    const Alone& by_itself = at->second;
    const size_t equals = section.variant.find('=');
    Variant variant;
    if (equals != std::string::npos) {
      known.option = section.variant.substr(0, equals);
      variant = {std::string(by_itself.path()) + "." + known.option, section.variant.substr(equals + 1)};
    }
    DtypeNumbers numbers({});
    for (const Mode mode : {Mode::train, Mode::eval, Mode::no_grad, Mode::inference}) {
      if (to_string(mode) != section.mode) continue;
      const Device device = section.device == "meta" ? kMeta : kCpu;
      auto subject = subject_of(by_itself, variant, mode, device, numbers);
      if (!subject) break;
      const LayerPlan& layer = subject->module();
      known.natural.assign(subject->parameters, std::nullopt);
      known.natural.push_back(layer.input_natural);
      for (const size_t i : subject->inputs) known.natural.push_back(layer.drawn.inputs[i].natural);
    }
    return known;
  }

  static std::string key_of(std::string_view module, std::string_view variant, std::string_view device,
                            std::string_view autocast, std::string_view mode) {
    return fmt::format("{}|{}|{}|{}|{}", module, variant, device, autocast, mode);
  }
  const Table* table_at(const Section& section, std::string_view module, std::string_view variant,
                        std::string_view autocast, std::string_view mode) const {
    const auto at = by_key_.find(key_of(module, variant, section.device, autocast, mode));
    return at == by_key_.end() ? nullptr : &tables_[at->second];
  }

  /// The dtype on which the operands of a cell agree; kNone where some do not.
  uint32_t agreed(const Table& table, std::span<const uint32_t> dtype_of) const {
    uint32_t common = kNone;
    for (size_t i = 0; i < dtype_of.size(); ++i) {
      const auto& natural = table.known.natural[i];
      if (natural && dtypes_[dtype_of[i]] == natural) continue;
      if (natural || (common != kNone && common != dtype_of[i])) return kNone;
      common = dtype_of[i];
    }
    return common;
  }

  void lay_out_consistent(Table& table) const {
    table.consistent.assign(atlas_.dtypes.size(), kNone);
    each_cell(*table.layout, atlas_.axis, [&](size_t cell, const Grid&, std::span<const uint32_t> dtype_of) {
      if (const uint32_t dtype = agreed(table, dtype_of); dtype != kNone)
        table.consistent[dtype] = static_cast<uint32_t>(cell);
    });
  }
  const Kind* consistent_in(const Table* table, uint32_t dtype) const {
    if (!table || table->consistent[dtype] == kNone) return nullptr;
    return &kinds_[table->results[table->consistent[dtype]]];
  }

  // The cells
  void judge(const Table& table) {
    const Section& section = *table.section;
    const Table* outside = section.autocast == "off"
                               ? nullptr
                               : table_at(section, section.module, section.variant, "off", section.mode);
    if (outside && outside->layout != table.layout) outside = nullptr;
    const Table* simplest =
        table.known.option.empty() || chooses_operator(table)
            ? nullptr
            : table_at(section, section.module, "simplest", section.autocast, section.mode);
    const Table* train = section.mode == "train"
                             ? nullptr
                             : table_at(section, section.module, section.variant, section.autocast, "train");
    if (train && train->layout != table.layout) train = nullptr;
    std::vector<const Table*> relatives;
    if (const std::string family = family_of(section.module); !family.empty() && table.known.option.empty())
      for (const char* number : {"1d", "2d", "3d"})
        if (family + number != section.module)
          if (const Table* other =
                  table_at(section, family + number, "simplest", section.autocast, section.mode))
            relatives.push_back(other);

    each_cell(
        *table.layout, atlas_.axis, [&](size_t cell, const Grid& grid, std::span<const uint32_t> dtype_of) {
          if (!std::ranges::all_of(dtype_of, [&](uint32_t d) { return realistic_[d]; })) return;
          const CellResult& result = atlas_.results[table.results[cell]];
          const Kind& own = kinds_[table.results[cell]];
          const uint32_t dtype = agreed(table, dtype_of);
          std::string_view by =
              own.violated || !own.judged.empty() ? (own.judged.empty() ? "promise" : own.judged) : "";
          const auto flag = [&](std::string_view rule, bool when) {
            if (when) add_flagged(rule, table, result, dtype_of);
          };
          /// A neighbour that accepts judges the cell, whatever it did.
          const auto held_against = [&](std::string_view rule, const Kind* neighbour) {
            if (!neighbour || !neighbour->accepted || !(own.accepted || own.refused)) return;
            if (by.empty()) by = rule;
            flag(rule, own.refused);
          };
          if (dtype != kNone) {
            const bool floating = dtypes_[dtype] && c10::isFloatingType(*dtypes_[dtype]);
            if (outside && floating) held_against("region", &kinds_[outside->results[cell]]);
            held_against("option", consistent_in(simplest, dtype));
            for (const Table* other : relatives) {
              const Kind* neighbour = consistent_in(other, dtype);
              if (!neighbour || !neighbour->accepted) continue;
              held_against("dimensions", neighbour);
              break;
            }
            flag("mismatch", own.refused && own.mismatch);
          }
          if (const Kind* usual = with_the_usual_dtype(table, grid, dtype_of))
            held_against("documented", usual);
          flag("unsupported", own.refused && own.untrue);
          if (train) {
            const Kind& its = kinds_[train->results[cell]];
            // What may have been autograd's is no refusal of the module.
            const bool apart = (own.accepted && its.refused && !its.of_autograd) ||
                               (own.refused && !own.of_autograd && its.accepted) ||
                               (own.accepted && its.accepted &&
                                result.output_dtype != atlas_.results[train->results[cell]].output_dtype);
            flag("modes", apart);
          }
          count(section, result, dtype, by);
        });
  }

  bool chooses_operator(const Table& table) const {
    const auto& others = table.known.row->other_operators;
    return std::ranges::find(others, table.known.option, &OtherOperator::option) != others.end();
  }

  /// Where one operand alone has a dtype that its contract lists: the cell in which it has its usual one.
  const Kind* with_the_usual_dtype(const Table& table, const Grid& grid,
                                   std::span<const uint32_t> dtype_of) const {
    const std::string& operand = table.layout->operands[grid.column];
    const auto& takes = table.known.row->contract.takes;
    const auto rule = std::ranges::find(takes, operand, &CategoryRule::operand);
    const auto& given = dtypes_[dtype_of[grid.column]];
    if (rule == takes.end() || !given || !rule->has(*given)) return nullptr;
    uint32_t rest = kNone;
    for (size_t i = 0; i < dtype_of.size(); ++i) {
      const auto& natural = table.known.natural[i];
      if (i == grid.column || (natural && dtypes_[dtype_of[i]] == natural)) continue;
      if (natural || (rest != kNone && rest != dtype_of[i])) return nullptr;
      rest = dtype_of[i];
    }
    if (rest == kNone || rest == dtype_of[grid.column]) return nullptr;
    return consistent_in(&table, rest);
  }

  void add_flagged(std::string_view rule, const Table& table, const CellResult& result,
                   std::span<const uint32_t> dtype_of) {
    const Section& section = *table.section;
    ++judgement_.flagged[std::string(rule)];
    FlaggedGroup& group = groups_[{std::string(rule), section.module, section.variant, section.device,
                                   section.autocast, result.family}];
    if (group.cells++ == 0) {
      group = {std::string(rule),
               section.module,
               section.variant,
               section.device,
               section.autocast,
               result.family,
               1,
               ""};
      group.example = section.mode;
      for (size_t i = 0; i < dtype_of.size() && i < 6; ++i)
        group.example += fmt::format(", {} {}", table.layout->operands[i], atlas_.dtypes[dtype_of[i]]);
      group.example += fmt::format(": {} in {}", result.outcome, result.phase);
    }
  }

  void count(const Section& section, const CellResult& result, uint32_t dtype, std::string_view by) {
    if (section.device != "cpu") return;
    const auto add = [&](Share& share) {
      ++share.cells;
      share.judged += !by.empty();
      if (!by.empty()) return void(++share.by[std::string(by)]);
      ++share.left[result.outcome == "not_applicable" ? fmt::format("not about dtypes: {}", result.family)
                   : result.family == "accepted" ? std::string("succeeded, and nothing is promised of it")
                                                 : fmt::format("{}: {}", result.outcome, result.family)];
    };
    add(judgement_.realistic);
    if (dtype != kNone && dtypes_[dtype] && c10::isFloatingType(*dtypes_[dtype]))
      add(judgement_.consistent_floating);
  }

  const Atlas& atlas_;
  const Space& space_;
  std::vector<Kind> kinds_;                   ///< beside the results
  std::vector<std::optional<Dtype>> dtypes_;  ///< beside the atlas's
  std::vector<bool> realistic_;
  std::vector<Table> tables_;
  std::unordered_map<std::string, size_t> by_key_;
  std::map<std::string, Alone> alone_;
  std::unordered_map<std::string, Known> known_;
  std::map<std::tuple<std::string, std::string, std::string, std::string, std::string, std::string>,
           FlaggedGroup>
      groups_;
  Judgement judgement_;
};

}  // namespace

std::span<const CellRule> cell_rules() {
  return kRules;
}

std::span<const std::string_view> realistic_dtypes() {
  return kRealistic;
}

Judgement judge_atlas(const Atlas& atlas, const Space& space) {
  return Judging(atlas, space).judged();
}

}  // namespace dtypefuzz

#include "harness/atlas/compare.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>
#include <unordered_map>
#include <utility>

namespace dtypefuzz {
namespace {

/// Both atlases' results under one numbering.
struct Numbering {
  std::map<CellResult, uint32_t> number;
  std::vector<CellResult> results;
  std::vector<uint32_t> bare;  ///< beside the results: the number of the same one without an exception

  uint32_t of(CellResult result) {
    result.judged = "-";  // what it was held against is no part of what happened
    result.derived = false;
    const auto [at, is_new] = number.try_emplace(result, static_cast<uint32_t>(results.size()));
    const uint32_t of_it = at->second;
    if (is_new) {
      results.push_back(result);
      bare.push_back(of_it);
      if (std::exchange(result.exception, "-") != "-") bare[of_it] = of(std::move(result));
    }
    return of_it;
  }
  std::vector<uint32_t> of(const Atlas& atlas) {
    std::vector<uint32_t> numbers;
    for (const CellResult& result : atlas.results) numbers.push_back(of(result));
    return numbers;
  }
  bool is_bare(uint32_t result) const { return bare[result] == result; }
};

std::string described(const Atlas& atlas, const Layout& layout, std::span<const uint32_t> dtype_of) {
  std::string text;
  for (size_t i = 0; i < layout.operands.size(); ++i)
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", layout.operands[i], atlas.dtypes[dtype_of[i]]);
  return text;
}

/// Both atlases' dtypes under one numbering, and a cell in it.
std::vector<char16_t> numbered(const std::vector<std::string>& dtypes,
                               std::map<std::string, char16_t>& number) {
  std::vector<char16_t> numbers;
  for (const auto& dtype : dtypes)
    numbers.push_back(number.try_emplace(dtype, static_cast<char16_t>(number.size())).first->second);
  return numbers;
}
std::u16string coded(std::span<const uint32_t> dtype_of, const std::vector<char16_t>& numbers) {
  std::u16string code;
  for (const uint32_t dtype : dtype_of) code += numbers[dtype];
  return code;
}

/// In words, for a person: the dtype that most operands have stands for them all.
std::string in_short(const Atlas& atlas, const Layout& layout, std::span<const uint32_t> dtype_of) {
  if (layout.operands.size() <= 3) return described(atlas, layout, dtype_of);
  std::map<uint32_t, size_t> times;
  for (const uint32_t dtype : dtype_of) ++times[dtype];
  const auto usual =
      std::max_element(times.begin(), times.end(), [](auto& a, auto& b) { return a.second < b.second; });
  std::string text;
  for (size_t i = 0; i < layout.operands.size(); ++i)
    if (dtype_of[i] != usual->first)
      text += fmt::format("{} {}, ", layout.operands[i], atlas.dtypes[dtype_of[i]]);
  return text + fmt::format("all {}{}", text.empty() ? "" : "others ", atlas.dtypes[usual->first]);
}

/// Two atlases held against each other, section by section.
class Comparison {
 public:
  Comparison(const Atlas& before, const Atlas& after)
      : before_(before),
        after_(after),
        from_(results_.of(before)),
        to_(results_.of(after)),
        before_dtypes_(numbered(before.dtypes, dtypes_)),
        after_dtypes_(numbered(after.dtypes, dtypes_)) {}

  Difference difference() && {
    std::map<decltype(std::declval<Section>().key()), const Section*> partners;
    for (const Section& section : after_.sections) partners.emplace(section.key(), &section);
    for (const Section& section : before_.sections) {
      const auto found = partners.find(section.key());
      if (found == partners.end()) {
        difference_.only_before[section.module] += before_cells(section);
        continue;
      }
      hold(section, *found->second);
      partners.erase(found);
    }
    for (const auto& [key, section] : partners)
      difference_.only_after[section->module] += after_cells(*section);
    list_changes();
    return std::move(difference_);
  }

 private:
  const Layout& layout_before(const Section& section) const { return before_.layouts[section.layout]; }
  const Layout& layout_after(const Section& section) const { return after_.layouts[section.layout]; }
  size_t before_cells(const Section& section) const {
    return layout_before(section).cell_count(before_.axis);
  }
  size_t after_cells(const Section& section) const { return layout_after(section).cell_count(after_.axis); }

  /// Two sections of the same module and setting.
  void hold(const Section& section, const Section& partner) {
    const Layout &layout = layout_before(section), &other = layout_after(partner);
    if (layout == other && before_.dtypes == after_.dtypes && before_.axis == after_.axis) {
      by_index(section, partner);
    } else if (layout.operands != other.operands) {
      difference_.only_before[section.module] += before_cells(section);
      difference_.only_after[section.module] += after_cells(partner);
    } else {
      by_dtypes(section, partner);
    }
  }

  void by_index(const Section& section, const Section& partner) {
    const auto was = before_.results_of(section), is = after_.results_of(partner);
    each_cell(layout_before(section), before_.axis, [&](size_t cell, const Grid& grid, auto dtype_of) {
      compare_cell(section, grid, dtype_of, was[cell], is[cell]);
    });
  }

  /// Dtypes or grids came or went: cells meet where they give the operands the same dtypes.
  void by_dtypes(const Section& section, const Section& partner) {
    const auto was = before_.results_of(section), is = after_.results_of(partner);
    std::unordered_map<std::u16string, uint32_t> cells;
    each_cell(layout_after(partner), after_.axis, [&](size_t cell, const Grid&, auto dtype_of) {
      cells.emplace(coded(dtype_of, after_dtypes_), is[cell]);
    });
    each_cell(layout_before(section), before_.axis, [&](size_t cell, const Grid& grid, auto dtype_of) {
      const auto at = cells.find(coded(dtype_of, before_dtypes_));
      if (at == cells.end()) {
        ++difference_.only_before[section.module];
        return;
      }
      compare_cell(section, grid, dtype_of, was[cell], at->second);
      cells.erase(at);
    });
    if (!cells.empty()) difference_.only_after[section.module] += cells.size();
  }

  void compare_cell(const Section& section, const Grid& grid, std::span<const uint32_t> dtype_of,
                    uint32_t was, uint32_t is) {
    const uint32_t from = from_[was], to = to_[is];
    const bool alike = results_.bare[from] == results_.bare[to];
    if (from == to || (alike && (results_.is_bare(from) || results_.is_bare(to)))) {
      ++difference_.same;
      return;
    }
    ++(alike ? difference_.exception_alone : difference_.changed);
    const Layout& layout = layout_before(section);
    auto& change = changes_[{section.module, layout.operands[grid.column], from, to}];
    change.exception_alone = alike;
    if (change.cells++ == 0)
      change.example = fmt::format("{}; {}, {}, autocast {}, {}", in_short(before_, layout, dtype_of),
                                   section.variant, section.device, section.autocast, section.mode);
  }

  void list_changes() {
    for (auto& [key, change] : changes_) {
      const auto& [module, operand, was, is] = key;
      change.module = module, change.operand = operand;
      change.before = results_.results[was], change.after = results_.results[is];
      difference_.changes.push_back(std::move(change));
    }
    std::stable_sort(difference_.changes.begin(), difference_.changes.end(),
                     [](const CellChange& a, const CellChange& b) {
                       return std::tie(a.exception_alone, a.module, a.operand, b.cells) <
                              std::tie(b.exception_alone, b.module, b.operand, a.cells);
                     });
  }

  const Atlas &before_, &after_;
  Numbering results_;
  std::vector<uint32_t> from_, to_;  ///< beside each atlas's results: their numbers
  std::map<std::string, char16_t> dtypes_;
  std::vector<char16_t> before_dtypes_, after_dtypes_;
  /// By module, operand and the numbers of the two results.
  std::map<std::tuple<std::string_view, std::string_view, uint32_t, uint32_t>, CellChange> changes_;
  Difference difference_;
};

}  // namespace

Difference compare(const Atlas& before, const Atlas& after) {
  return Comparison(before, after).difference();
}

}  // namespace dtypefuzz

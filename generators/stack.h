#pragma once
#include <ranges>
#include <string>
#include <vector>

#include "dtypefuzz/case.h"
#include "dtypefuzz/draw.h"
#include "dtypefuzz/plan.h"
#include "dtypefuzz/row.h"
#include "dtypefuzz/space.h"

namespace dtypefuzz {

/// The only grammar of cases: asks all questions and answers what they mean.
Plan plan_of(Draw&, const Space&);
/// The plan of a case; answers that do not fit are replaced by the simplest.
Plan plan_of(const Case&, const Space&);

/// One layer of a row for an input of this shape, or for one that the row draws. The answers' names have no
/// path; what they leave out is the simplest.
LayerPlan layer_with(const Row&, const Shape& in, const Site&, const Case& answers);
LayerPlan layer_alone(const Row&, const Site&, const Case& answers);

/// A question of a case and its answer.
struct Asked {
  const std::string& name;
  const std::string& value;
  Answered answer;
};

/// A case as the grammar reads it: whole, and what it means.
struct Reading {
  Case body;                      ///< every answer in it, none that is not asked
  std::vector<Answered> answers;  ///< beside the choices of `body`
  Plan plan;

  /// All questions, in the order in which they were asked.
  auto questions() const {
    return std::views::iota(size_t{0}, answers.size()) | std::views::transform([this](size_t i) {
             return Asked{body.choices[i].name, body.choices[i].value, answers[i]};
           });
  }
};
/// What the grammar makes of these answers; what Draw has recorded is taken out of it.
Reading reading_of(Draw&, const Space&);
Reading reading_of(const Case&, const Space&);
/// The same, one question answered with another of its options.
Reading with_option(const Case&, const std::string& question, uint32_t option, const Space&);
/// The same case with every answer in it, none that is not asked.
Case canonical(const Case&, const Space&);

}  // namespace dtypefuzz

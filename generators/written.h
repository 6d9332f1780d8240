// Cases as people write them: what they meant, and what they got wrong.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "dtypefuzz/case.h"
#include "dtypefuzz/draw.h"
#include "dtypefuzz/space.h"

namespace dtypefuzz {

/// An answer that the grammar makes nothing of.
struct Mistake {
  enum Kind : uint8_t {
    unknown_word,  ///< no word that is meant for this question
    not_offered,   ///< one that is not offered here
    not_asked,     ///< an answer to no question of this case
  } kind;
  Repair answer;  ///< what was given and, where it is asked, what is offered and was taken
};

/// What a person means: the case whole, words in another spelling (`double`, `conv2d`) in the one that is
/// offered, and what nothing was made of, which the simplest answer stands for.
struct Understood {
  Case body;
  Case written;  ///< what was written, in the spelling that is offered
  std::vector<Mistake>
      mistakes;  ///< answers that are not offered, in the order of the questions, then others
};
Understood understood(const Case& written, const Space&);

/// What is wrong, in one line without its place: what is near, and where the question would be asked or the
/// answer be offered. That is looked for one changed answer far, which takes some hundred plans.
std::string explained(const Mistake&, const Understood&, const Space&);

/// A question of a case as it stands.
struct Question {
  std::string name, answer;
  Ask ask = Ask::setting;
  std::vector<std::string> offered;  ///< simplest first
};
/// All that may be answered in this case, in the order in which it is asked.
std::vector<Question> questions_in(const Case&, const Space&);

/// The simplest stack of these modules, and with a loss of that name where it is none of a module; other
/// answers are given where a module needs them (`batch = 2`). An Error that says which one fits nowhere.
Case stack_of(const std::vector<std::string>& names, const Space&);

}  // namespace dtypefuzz

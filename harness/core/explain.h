#pragma once
#include <string>
#include <vector>

#include "dtypefuzz/contract.h"

namespace dtypefuzz {

/// One sentence of what a contract promises, and where that is said.
struct Sentence {
  std::string about;  ///< `shares`, `promotes`, `takes`, `output`, `autocast`, `special`, `open`, `state`
  std::string text;
  std::string source;  ///< empty: the contract's own
};

/// The whole contract in words, in the order in which its rules are asked.
std::vector<Sentence> explain(const Contract&);

}  // namespace dtypefuzz

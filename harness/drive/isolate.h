#pragma once
#include <atomic>
#include <functional>
#include <string>
#include <vector>

#include "harness/drive/hunt.h"

namespace dtypefuzz {

/// The verdict of one case, reached in a process of its own: a signal, an exit or a hang is a violation too.
struct Isolated {
  std::vector<Violation> violations;
  std::string not_applicable;  ///< the run could not be set up, for this reason
  std::string outcome;  ///< what happened, in a few words: `refused in forward by Linear: mat1 and ...`
};
/// `onednn_isa`: as if the CPU had no more than this instruction set (oneDNN's name for it).
Isolated check_isolated(const Case&, double seconds, Strictness, const std::string& onednn_isa = {});

/// The same case in fresh processes, `times` times: whether each shows the signature.
bool reproduces(const Case&, const Signature&, int times, double seconds, Strictness);

/// What the end of a process means for the case that was in flight in it.
Violation crash_of(const Plan&, uint32_t position, int status, bool hung);

/// A finding as one line of text and back: how processes tell each other.
std::string to_line(const Finding&, bool is_known);
Finding from_line(const std::string&, bool& is_known);
/// Writes it all, or ends the process with exit code 3 where nobody reads any more.
void write_line(int pipe, std::string_view line);

}  // namespace dtypefuzz

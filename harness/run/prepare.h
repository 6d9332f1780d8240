#pragma once

namespace dtypefuzz {

/// Makes this process one that runs cases for a long time and finds the same as every other such process.
/// Once, before the first operation.
///
/// Runs need none of it: what their verdicts depend on they set for themselves and put back (CleanSlate). A
/// program that links the harness and must keep its environment, allocator and warning handler does without.
/// It then finds less of what depends on memory that a kernel forgot to write.
void prepare_process();

}  // namespace dtypefuzz

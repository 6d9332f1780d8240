// What people mean by the words that they type.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dtypefuzz/dtype.h"

namespace dtypefuzz {

/// The offered word that is nearest: a number's nearest number, else the word in which the fewest letters are
/// changed, left out, added or swapped, upper and lower case alike. Nothing where more than two would have to
/// be, or three of a long word, or one of a word of three letters.
std::string nearest(std::string_view given, const std::vector<std::string>& offered);
/// `, did you mean 'X'?`, or nothing where no word is near.
std::string did_you_mean(std::string_view given, const std::vector<std::string>& offered);

/// A dtype as torch calls it anywhere: `float64`, `double`, `torch.double`, `torch::kFloat64`, `kDouble`,
/// `Double` (in messages), `fp64`, `bf16`. Nothing for what is none.
std::optional<Dtype> dtype_called(std::string_view word);
/// The offered word that `given` is another spelling of: a dtype as torch calls it anywhere, a module as C++,
/// Python or a functional call names it (`torch::nn::Conv2d`, `nn.Conv2d`, `conv2d`), or in letters of
/// another case (`True`). Nothing where none is, or more than one.
std::optional<std::string> spelled(std::string_view given, const std::vector<std::string>& offered);

}  // namespace dtypefuzz

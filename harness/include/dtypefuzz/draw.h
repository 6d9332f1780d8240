#pragma once
#include <charconv>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dtypefuzz/case.h"
#include "dtypefuzz/dtype.h"
#include "dtypefuzz/rng.h"

namespace dtypefuzz {

/// What a question is about. Whoever looks at answers goes by this and not by names; drivers bias each kind
/// apart, generators know no odds.
enum class Ask : uint8_t {
  setting,        ///< a word or a flag: of the whole case, or an option of a module
  module,         ///< which module stands here
  count,          ///< how many layers the stack or a container has
  depth,          ///< how many layers a module has in itself
  size,           ///< a number
  rank,           ///< of the input
  dtype,          ///< of all parameters: at first, and what they are converted to or loaded from
  default_dtype,  ///< of tensors of which nothing is said
  input_dtype,    ///< of the stack's input
  operand_dtype,  ///< of one parameter, buffer or further input of a layer
  stray_device,   ///< where the input lies alone
  region,         ///< autocast round the whole forward pass
  inner_region,   ///< autocast round a layer, a container or the loss
  residual,       ///< the layer whose input is added to an output
};
/// One tensor's dtype, apart from the rest.
constexpr bool is_operand_dtype(Ask ask) {
  return ask == Ask::input_dtype || ask == Ask::operand_dtype;
}
constexpr bool is_dtype(Ask ask) {
  return ask == Ask::dtype || ask == Ask::default_dtype || is_operand_dtype(ask);
}
constexpr bool is_region(Ask ask) {
  return ask == Ask::region || ask == Ask::inner_region;
}

/// How often a random answer is the simplest one outright; otherwise it is drawn evenly, over all options or
/// the usual ones. The defaults let about a third of the random cases finish (evenly drawn dtypes end most in
/// an early refusal).
struct Bias {
  /// A dtype is one of the first `kUsualDtypes` this often: what can be computed with is worth more cases
  /// than the many dtypes that every kernel refuses.
  double usual = 0.9;
  static constexpr size_t kUsualDtypes = 16;
  double setting = 0.8, module = 0.0, count = 0.1, size = 0.5, dtype = 0.6, operand = 0.975;
  double of(Ask) const;
};

/// One question as it was answered: how many options it had and which was taken, the simplest being 0.
struct Answered {
  uint32_t options = 0;
  uint32_t taken = 0;
  Ask ask = Ask::setting;
  bool operator==(const Answered&) const = default;
};

/// A replayed answer that did not fit and was replaced by the simplest.
struct Repair {
  std::string name;
  Ask ask = Ask::setting;
  std::string given;  ///< empty: the answer was missing
  std::string taken;
  std::vector<std::string> offered;
};

/// The object through which a generator asks. Options run simplest first; names are paths.
/// An answer comes from the replayed case if it has one that is offered, else from the random stream if there
/// is one, else it is the simplest. Every answer is recorded, so `result()` replays to itself.
class Draw {
 public:
  /// Replay.
  explicit Draw(const Case& replayed) : replayed_(&replayed) { reserve(); }
  /// A fresh random case.
  Draw(Rng rng, const Bias& bias) : random_(true), rng_(rng), bias_(bias) { reserve(); }
  /// Replay, what is missing or no longer offered drawn at random.
  Draw(const Case& replayed, Rng rng, const Bias& bias)
      : replayed_(&replayed), random_(true), rng_(rng), bias_(bias) {
    reserve();
  }

  /// A value out of a few: numbers, words, dtypes, flags.
  template <class T>
  T pick(Ask ask, std::string_view name, std::span<const T> options) {
    return options[choose(ask, name, {options.data(), options.size(), &text_at<T>})];
  }
  int64_t size(std::string_view name, std::initializer_list<int64_t> options) {
    return pick<int64_t>(Ask::size, name, {options.begin(), options.size()});
  }
  /// The input's rank, asked as `input.rank`: the caller stands at the root.
  int64_t rank(std::initializer_list<int64_t> options) {
    return pick<int64_t>(Ask::rank, "input.rank", {options.begin(), options.size()});
  }
  int64_t depth(std::string_view name, std::initializer_list<int64_t> options) {
    return pick<int64_t>(Ask::depth, name, {options.begin(), options.size()});
  }
  bool flag(std::string_view name, bool simplest) {
    const bool options[] = {simplest, !simplest};
    return pick<bool>(Ask::setting, name, options);
  }
  std::string_view word(std::string_view name, std::initializer_list<std::string_view> options) {
    return pick<std::string_view>(Ask::setting, name, {options.begin(), options.size()});
  }
  /// A dtype, or nothing where the answer is the first word (`same`, `off`).
  std::optional<Dtype> dtype_or(Ask ask, std::string_view name, std::string_view first,
                                std::span<const Dtype> options);

  /// Puts a path in front of the names asked while it lives: `layers[2]`, or `loss`.
  class [[nodiscard]] Scope {
   public:
    Scope(Draw& draw, std::string_view segment);
    Scope(Draw& draw, std::string_view list, size_t index);
    ~Scope() { draw_.path_.resize(old_size_); }
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    Draw& draw_;
    size_t old_size_;
  };
  /// Asks under the full name, whatever scope is open: a first layer's `input.length`.
  class [[nodiscard]] AtRoot {
   public:
    explicit AtRoot(Draw& draw) : draw_(draw), path_(std::move(draw.path_)) { draw.path_.clear(); }
    ~AtRoot() { draw_.path_ = std::move(path_); }
    AtRoot(const AtRoot&) = delete;
    AtRoot& operator=(const AtRoot&) = delete;

   private:
    Draw& draw_;
    std::string path_;
  };
  const std::string& path() const { return path_; }

  const Case& result() const { return asked_; }
  Case take_result() { return std::move(asked_); }
  /// Beside each choice of `result()`: the options there were.
  const std::vector<Answered>& answered() const { return answered_; }
  std::vector<Answered> take_answered() { return std::move(answered_); }
  /// What was repaired; kept only where `keep_repairs(true)` was called (files, not the hot loop).
  const std::vector<Repair>& repairs() const { return repairs_; }
  void keep_repairs(bool keep) { keep_repairs_ = keep; }
  /// Answers of the replayed case that no question asked for.
  std::vector<Choice> unasked() const;
  /// Answers the named question with option `index` (the last option where there are fewer), whatever is
  /// replayed.
  void force(std::string name, uint32_t index) { forced_name_ = std::move(name), forced_index_ = index; }
  /// Answers the named question evenly at random, whatever is replayed and whatever the bias.
  void answer_anew(std::string name) { anew_.push_back(std::move(name)); }

 private:
  using Scratch = char[24];
  struct Options {
    const void* data;
    size_t count;
    std::string_view (*text)(const void*, size_t, Scratch&);
  };
  template <class T>
  static std::string_view text_at(const void* data, size_t i, Scratch& scratch) {
    const T& value = static_cast<const T*>(data)[i];
    if constexpr (std::is_same_v<T, bool>) {
      return value ? "true" : "false";
    } else if constexpr (std::is_integral_v<T>) {
      return {scratch,
              static_cast<size_t>(std::to_chars(scratch, scratch + sizeof scratch, value).ptr - scratch)};
    } else if constexpr (std::is_same_v<T, Dtype>) {
      return name_of(value);
    } else if constexpr (std::is_convertible_v<T, std::string_view>) {
      return value;
    } else {
      return value->name;  // a pointer to something named: a row
    }
  }
  size_t choose(Ask, std::string_view name, const Options&);
  size_t options_to_draw(Ask, size_t count);
  void reserve() { asked_.choices.reserve(kUsual), answered_.reserve(kUsual); }
  static constexpr size_t kUsual = 128;  // more questions than most cases ask

  const Case* replayed_ = nullptr;
  size_t cursor_ = 0;  // answers usually stand in the order of the questions
  bool random_ = false;
  Rng rng_{0};
  Bias bias_;
  std::string path_;
  std::string forced_name_;
  uint32_t forced_index_ = 0;
  std::vector<std::string> anew_;
  Case asked_;
  std::vector<Answered> answered_;
  bool keep_repairs_ = false;
  std::vector<Repair> repairs_;
};

}  // namespace dtypefuzz

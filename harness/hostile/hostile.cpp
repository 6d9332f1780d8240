// Files that nobody meant: the corpus and one good file of each other kind, cut, doubled, swapped, spliced
// and with bytes changed, read by the sanitized readers. The n-th file depends on the seed and n alone.
// usage: hostile [--runs N] [--seed N] [DIR...]    N case files, and a tenth as many of each other kind
// exit: 0 each was read or refused with its place; it aborts where one was not
#include <fmt/format.h>

#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <tuple>

#include "dtypefuzz/error.h"
#include "dtypefuzz/rng.h"
#include "harness/files/case_file.h"
#include "harness/hostile/laws.h"

namespace dtypefuzz::hostile {
namespace {

/// What breaks readers of text.
constexpr std::string_view kTokens[] = {"\n",
                                        "=",
                                        " = ",
                                        "[",
                                        "]",
                                        "#",
                                        "\r\n",
                                        "\t",
                                        "[seen]\n",
                                        "[about]\n",
                                        "layers",
                                        "layers[",
                                        "[0]",
                                        "[-1]",
                                        "../",
                                        "/",
                                        "0",
                                        "-1",
                                        "2147483648",
                                        "18446744073709551615",
                                        "99999999999999999999",
                                        "1e308",
                                        "nan",
                                        "float32",
                                        "bool",
                                        "same",
                                        "holds",
                                        ":",
                                        "%s%n",
                                        "\xEF\xBB\xBF",
                                        "\xFF",
                                        "\xC0\xAF",
                                        "\xED\xA0\x80",
                                        "\xE2\x80\xAE",
                                        "\x1b[2J",
                                        "\x7F",
                                        "{}",
                                        "[]",
                                        "{",
                                        "\"",
                                        ",",
                                        "null",
                                        "-0.5",
                                        "1e999",
                                        "4611686018427387905",
                                        "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
                                        "layers = 8\n",
                                        "layers[0].module = Sequential\n"};

class Mutants {
 public:
  explicit Mutants(std::vector<std::string> texts) : texts_(std::move(texts)) {}

  std::string of(Rng rng) const {
    std::string text = pick(rng);
    for (uint64_t n = 1 + rng.below(4); n > 0; --n) change(text, rng);
    return text;
  }

 private:
  const std::string& pick(Rng& rng) const { return texts_[rng.below(texts_.size())]; }

  static std::pair<size_t, size_t> line(const std::string& text, Rng& rng) {
    const size_t at = rng.below(text.size() + 1);
    const size_t before = at == 0 ? std::string::npos : text.rfind('\n', at - 1);
    const size_t begin = before == std::string::npos ? 0 : before + 1;
    return {begin, std::min(text.find('\n', begin), text.size() - 1) + 1 - begin};
  }

  void change(std::string& text, Rng& rng) const {
    if (text.empty()) text = "\n";
    const size_t at = rng.below(text.size());
    switch (rng.below(12)) {
      case 0:
        text[at] = static_cast<char>(rng.below(256));
        break;
      case 1:
        text[at] = static_cast<char>(text[at] ^ (1 << rng.below(8)));
        break;
      case 2:
        text.erase(at, 1 + rng.below(8));
        break;
      case 3:
        text.resize(at);
        break;
      case 4:
        text.insert(at, kTokens[rng.below(std::size(kTokens))]);
        break;
      case 5: {
        const auto [begin, size] = line(text, rng);
        text.erase(begin, size);
        break;
      }
      case 6: {
        const auto [begin, size] = line(text, rng);
        text.insert(line(text, rng).first, text.substr(begin, size));
        break;
      }
      case 7: {  // a line of another file
        const std::string& other = pick(rng);
        const auto [begin, size] = line(other, rng);
        text.insert(line(text, rng).first, other.substr(begin, size));
        break;
      }
      case 8: {  // another value
        const auto [begin, size] = line(text, rng);
        const size_t equals = text.find('=', begin);
        if (equals == std::string::npos || equals >= begin + size) break;
        text.replace(equals + 1, begin + size - equals - 1,
                     fmt::format(" {}\n", kTokens[rng.below(std::size(kTokens))]));
        break;
      }
      case 9:  // two halves
        text = text.substr(0, at) + pick(rng).substr(0, rng.below(4096));
        break;
      case 10: {  // much of the same
        const std::string piece = text.substr(at, 1 + rng.below(40));
        for (uint64_t n = rng.below(64); n > 0; --n) text.insert(at, piece);
        break;
      }
      default: {
        const auto [begin, size] = line(text, rng);
        if (rng.below(200) == 0)
          text.insert(begin, std::string(rng.below(2 * kMaxCaseBytes), text[at]));
        else
          std::swap(text[begin], text[begin + rng.below(size)]);
      }
    }
  }

  std::vector<std::string> texts_;
};

uint64_t number(const char* option, const char* text) {
  char* end = nullptr;
  const uint64_t value = text ? std::strtoull(text, &end, 10) : 0;
  if (!text || !*text || *end || *text == '-')
    fail("{} '{}': expected a whole number", option, text ? text : "");
  return value;
}

using Reader = Read(std::string_view);

struct Count {
  uint64_t of[4] = {}, all = 0;
  double seconds = 0;
};

Count read_all(Reader* read, std::vector<std::string> texts, uint64_t runs, uint64_t seed) {
  const Mutants mutants(std::move(texts));
  Count count{.all = runs};
  const auto begin = std::chrono::steady_clock::now();
  for (uint64_t i = 0; i < runs; ++i) ++count.of[static_cast<size_t>(read(mutants.of(rng_for(seed, i))))];
  count.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return count;
}

void tell(std::string_view kind, const Count& n, uint64_t seed) {
  fmt::print(
      "{} malformed files, {}, in {:.1f} s, seed {}: {} refused with their place, {} no case, {} read with "
      "repairs noted, {} whole in spite of all\n",
      n.all, kind, n.seconds, seed, n.of[1], n.of[0], n.of[2], n.of[3]);
  std::fflush(stdout);
}

int run(int argc, char** argv) {
  uint64_t runs = 1'000'000, seed = 1;
  std::vector<std::string> paths;
  for (int i = 1; i < argc; ++i) {
    if (!std::strcmp(argv[i], "--runs"))
      runs = number(argv[i], argv[i + 1]), ++i;
    else if (!std::strcmp(argv[i], "--seed"))
      seed = number(argv[i], argv[i + 1]), ++i;
    else if (argv[i][0] == '-')
      fail("{}: no such option; usage: hostile [--runs N] [--seed N] [DIR...]", argv[i]);
    else
      paths.emplace_back(argv[i]);
  }
  const auto text_of = [](const std::filesystem::path& path) {
    std::ifstream in(path, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(in), {});
  };
  std::vector<std::string> cases;
  for (const auto& path : case_files(paths)) cases.push_back(text_of(path));
  if (cases.empty()) fail("hostile: no case file to start from; name a directory of them");
  tell("case", read_all(read_as_case, std::move(cases), runs, seed), seed);
  constexpr std::tuple<std::string_view, const char*, Reader*> kOthers[] = {
      {"atlas", "atlas.json", read_as_atlas},
      {"cause.json", "cause.json", read_as_cause},
      {"run.json", "record.json", read_as_record},
      {"state.json", "state.json", read_as_state},
      {"results", "results.jsonl", read_as_results}};
  for (const auto& [kind, name, read] : kOthers) {
    std::vector<std::string> texts;
    for (const std::filesystem::path folder : paths)
      if (std::filesystem::exists(folder / name)) texts.push_back(text_of(folder / name));
    if (!texts.empty()) tell(kind, read_all(read, std::move(texts), (runs + 9) / 10, seed), seed);
  }
  return 0;
}

}  // namespace
}  // namespace dtypefuzz::hostile

int main(int argc, char** argv) {
  try {
    return dtypefuzz::hostile::run(argc, argv);
  } catch (const dtypefuzz::Error& e) {
    fmt::print(stderr, "{}\n", e.what());
    return e.exit_code();
  }
}

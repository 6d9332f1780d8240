// Files that nobody meant: names, kinds and contents that a corpus may come to hold.
#include "harness/corpus/baseline.h"
#include "harness/corpus/keep.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <iterator>

#include "dtypefuzz/error.h"
#include "harness/core/text.h"
#include "harness/files/cause_file.h"
#include "harness/files/files.h"
#include "harness/files/seen.h"
#include "harness/search/mutate.h"

namespace dtypefuzz {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr const char* kLinear = "# dtypefuzz case 1\nlayers[0].module = Linear\n";
const std::string kSignature = "agreeing_dtypes_succeed:Linear:-:float:forward:cast:cpu:off";

std::string refusal(const auto& call) {
  try {
    call();
  } catch (const Error& e) {
    return e.what();
  }
  return "accepted";
}

class Corpus : public testing::Test {
 protected:
  void SetUp() override { fs::create_directory(folder / "in"); }
  void file(const fs::path& name, const std::string& text) const {
    std::ofstream(folder / name, std::ios::binary) << text;
  }
  std::string text_of(const fs::path& name) const {
    std::ifstream in(folder / name);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  std::vector<std::string> names_in(const fs::path& name) const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder / name)) names.push_back(entry.path().filename());
    std::sort(names.begin(), names.end());
    return names;
  }
  std::string in() const { return (folder / "in").string(); }

  const TemporaryFolder temporary;
  const fs::path folder = temporary.path;
};

TEST_F(Corpus, ADirectoryIsNoCaseWhateverItsNameAndWhatIsInItIs) {
  fs::create_directory(folder / "in/x.case");
  file("in/x.case/y.case", kLinear);
  EXPECT_THAT(case_files({in()}), ElementsAre(folder / "in/x.case/y.case"));
  EXPECT_THAT(refusal([&] { load_case(folder / "in/x.case", whole_space()); }),
              HasSubstr("x.case: not a regular file"));
}

TEST_F(Corpus, APipeOrADeviceIsRefusedAndNotWaitedFor) {
  ASSERT_EQ(mkfifo((folder / "in/pipe.case").c_str(), 0600), 0);
  EXPECT_THAT(refusal([&] { load_baseline(in(), whole_space()); }),
              HasSubstr("pipe.case: not a regular file"));
  fs::remove(folder / "in/pipe.case");
  fs::create_symlink("/dev/zero", folder / "in/zero.case");
  EXPECT_THAT(refusal([&] { load_baseline(in(), whole_space()); }),
              HasSubstr("zero.case: not a regular file"));
}

TEST_F(Corpus, LinksToDirectoriesAreNotFollowedAndLinksToNothingAreErrors) {
  fs::create_directory_symlink("..", folder / "in/up.case");
  fs::create_directory_symlink(".", folder / "in/same");
  file("secret.case", kLinear);
  EXPECT_THAT(case_files({in()}), IsEmpty());
  fs::create_symlink("nowhere", folder / "in/gone.case");
  EXPECT_THAT(refusal([&] { load_baseline(in(), whole_space()); }),
              HasSubstr("gone.case: No such file or directory"));
  fs::create_symlink("loop", folder / "loop");
  EXPECT_THAT(refusal([&] { case_files({(folder / "loop").string()}); }), HasSubstr("loop: "));
}

TEST_F(Corpus, AnErrorIsOneLineWhateverTheFilesName) {
  file("in/a\nb\x1b[2J.case", "x");
  EXPECT_THAT(refusal([&] { load_baseline(in(), whole_space()); }),
              HasSubstr("a b\uFFFD[2J.case:1: not a case file"));
}

TEST_F(Corpus, WhatIsReadIsBounded) {
  file("long", std::string(70'000, 'x'));
  EXPECT_THAT(refusal([&] { read_file(folder / "long", 1000); }),
              HasSubstr("long: 70000 bytes, expected at most 1000"));
  EXPECT_EQ(read_file(folder / "long", 70'000).size(), 70'000u);
  // A file that says it has no bytes and gives some.
  EXPECT_FALSE(read_file("/proc/self/status", 1 << 20).empty());
  EXPECT_THAT(refusal([&] { read_file("/proc/self/status", 100); }), HasSubstr("expected at most 100"));
}

TEST_F(Corpus, WhatIsReadCanBeSavedAndReadAgain) {
  std::string answers = "# dtypefuzz case 1\nlayers[0].module = Linear\n[about]\n", cramped = answers;
  while (cramped.size() < kMaxCaseBytes - 4) cramped += "a=b\n";  // half as much again when it is printed
  EXPECT_THROW(parse_case(cramped), Error);
  while (answers.size() < kMaxCaseBytes - 20) answers += "a = b\n";  // and no room for the simplest answers
  EXPECT_EQ(print_case(parse_case(answers)), answers);
  EXPECT_THROW(read_case(answers, "x", whole_space()), Error);
}

TEST_F(Corpus, ANameMadeOfASignatureIsAPlainOne) {
  const std::string long_one(100'000, '/');
  for (const std::string& signature :
       {std::string("../../etc/passwd"), std::string("a:../../x"), std::string("/"), std::string(),
        std::string("p:\0\n/..", 7), std::string(":"), std::string("p:\xff\xfe"), long_one}) {
    const std::string name = file_name_of(signature);
    EXPECT_TRUE(name.ends_with(".case")) << name;
    EXPECT_LT(name.size(), 100u);
    EXPECT_EQ(name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-."),
              std::string::npos)
        << name;
    EXPECT_EQ(fs::path(name).filename(), name);
    EXPECT_NE(name[0], '.');
  }
}

TEST_F(Corpus, AVerdictIsHoldsOrASignature) {
  const auto seen = [](const std::string& verdict) {
    return refusal([&] { parse_case(kLinear + ("[seen]\nx = " + verdict + "\n")); });
  };
  EXPECT_EQ(seen("holds"), "accepted");
  EXPECT_EQ(seen(kSignature + " holds"), "accepted");
  EXPECT_THAT(seen("../../x"), HasSubstr("4: '../../x' is no signature"));
  EXPECT_THAT(seen("a:b:c:d:e:f:g:h:i"), HasSubstr("4: 'a:b:c:d:e:f:g:h:i' is no signature"));
  EXPECT_THAT(seen("a:b:c:d:e:f:g:" + std::string(1000, 'h')), HasSubstr("is no signature"));
  EXPECT_LT(seen("a:b:c:d:e:f:g:" + std::string(1000, 'h')).size(), 200u);
  EXPECT_THAT(seen("a:b:c:d:e:f:g:\xC3\xA4"), HasSubstr("is no signature"));
}

TEST_F(Corpus, WhatIsNoTextIsRefusedWithItsPlace) {
  const auto says = [](const std::string& line) {
    return refusal([&] { parse_case("# dtypefuzz case 1\n" + line + "\n"); });
  };
  EXPECT_THAT(says(std::string("mode = \0train", 13)), HasSubstr("2: byte 0x00 in column 8 is no text"));
  EXPECT_THAT(says("mode = \x1b[2J"), HasSubstr("2: byte 0x1b"));
  EXPECT_THAT(says("mode = \xC0\xAF"), HasSubstr("2: byte 0xc0"));
  EXPECT_THAT(says("mode = a\rb"), HasSubstr("2: byte 0x0d"));
  EXPECT_THAT(says(std::string(300, 'n') + " = 1"), HasSubstr("has 300 bytes, expected at most 256"));
  EXPECT_THAT(says("mode = " + std::string(60'000, 'v')), HasSubstr("has 60000 bytes, expected at most 256"));
  EXPECT_EQ(says("mode = train # \xE2\x82\xAC\r"), "accepted");
}

TEST_F(Corpus, OfAMergeWithABadFileNothingIsAdopted) {
  file("in/a.case", std::string(kLinear) + "[seen]\n" + seen_key() + " = " + kSignature + "\n");
  file("in/b.case", std::string(kLinear) + "[seen]\n" + seen_key() + " = ../../x\n");
  EXPECT_THAT(refusal([&] { merge_corpus(in(), (folder / "into").string(), whole_space()); }),
              HasSubstr("b.case:4: '../../x'"));
  EXPECT_THAT(names_in("into"), IsEmpty());
}

/// Of what is not shown, so that nobody can look at it.
const std::string kUnlooked = folder_name_of(unlooked_cause(parse_signature(kSignature)));

TEST_F(Corpus, AMergeWritesNothingOutsideAndReplacesNoOtherFinding) {
  const std::string other = "agreeing_dtypes_succeed:Linear:-:float:loss:cast:cpu:off";
  const std::string name = kUnlooked + "/" + file_name_of(kSignature);
  file("in/a.case", std::string(kLinear) + "[seen]\n" + seen_key() + " = " + kSignature + "\n");
  fs::create_directories(folder / "into" / kUnlooked);
  // Another finding has the name, as where two hashes are one.
  file("into/" + name, std::string(kLinear) + "[seen]\nlibtorch-0.0.1-cpu = " + other + "\n");
  const std::string before = text_of("into/" + name);
  EXPECT_THAT(refusal([&] { merge_corpus(in(), (folder / "into").string(), whole_space()); }),
              HasSubstr("is in the way of"));
  EXPECT_EQ(text_of("into/" + name), before);
  // The same finding of another LibTorch has it: what is said of it and its history stay.
  file("into/" + name,
       std::string(kLinear) + "[about]\ntitle = t\n[seen]\nlibtorch-0.0.1-cpu = " + kSignature + "\n");
  EXPECT_EQ(merge_corpus(in(), (folder / "into").string(), whole_space()).cases, 1u);
  EXPECT_THAT(text_of("into/" + name), HasSubstr("title = t\n"));
  EXPECT_THAT(text_of("into/" + name), HasSubstr("libtorch-0.0.1-cpu = " + kSignature));
  // A link that has it is replaced, not followed.
  fs::remove(folder / ("into/" + name));
  fs::remove(folder / "into" / kUnlooked / kCauseFile);
  file("victim.case", std::string(kLinear) + "[seen]\nlibtorch-0.0.1-cpu = " + kSignature + "\n");
  const std::string victim = text_of("victim.case");
  fs::create_symlink("../../victim.case", folder / ("into/" + name));
  merge_corpus(in(), (folder / "into").string(), whole_space());
  EXPECT_EQ(text_of("victim.case"), victim);
  EXPECT_FALSE(fs::is_symlink(folder / ("into/" + name)));
}

// Causes

constexpr const char* kBias =
    "# dtypefuzz case 1\nlayers[0].module = Linear\ninput.rank = 3\nlayers[0].bias.dtype = {}\n";
const std::string kOfBias = "mismatch_is_refused_by_name:Linear:input/bias:{}:forward:accepted:cpu:off";
const Cause kAddsBias = {
    .property = "mismatch_is_refused_by_name", .deed = "takes", .operation = "add_", .operand = "bias"};

TEST_F(Corpus, AMergeLooksAtWhatHasNoCauseAndFilesItUnderIt) {
  for (const auto& [dtype, category] : {std::pair("float64", "float"), std::pair("bool", "bool")})
    file(fmt::format("in/{}.case", dtype), fmt::format(fmt::runtime(kBias), dtype) + "[seen]\n" + seen_key() +
                                               " = " + fmt::format(fmt::runtime(kOfBias), category) + "\n");
  const std::string into = (folder / "into").string();
  const Adopted adopted = merge_corpus(in(), into, whole_space());
  EXPECT_EQ(adopted.cases, 2u);
  EXPECT_EQ(adopted.causes, 1u);
  EXPECT_THAT(names_in("into"), ElementsAre(folder_name_of(kAddsBias)));
  const Baseline baseline = load_baseline(into, whole_space());
  ASSERT_EQ(baseline.causes.size(), 1u);
  const CauseFile& cause = baseline.causes.at(to_string(kAddsBias)).file;
  EXPECT_EQ(cause.said(), sentence_of(kAddsBias));
  EXPECT_THAT(cause.where.stack, HasSubstr("torch::nn::LinearImpl::forward"));
  EXPECT_EQ(cause.places.size(), 2u);
  EXPECT_TRUE(baseline.places.at(fmt::format(fmt::runtime(kOfBias), "bool")).here);
  EXPECT_THAT(check_corpus(into, whole_space()), IsEmpty());
  // Once more: all of it is there.
  EXPECT_EQ(merge_corpus(in(), into, whole_space()).cases, 0u);
  // A title that a person gives is the cause's, wherever it is given.
  accept_finding((folder / "into" / folder_name_of(kAddsBias)).string(), "a bias", "none found",
                 whole_space());
  EXPECT_EQ(load_baseline(into, whole_space()).causes.at(to_string(kAddsBias)).file.said(), "a bias");
  for (const char* word : {"add_", "a bias", "add_-takes"})
    EXPECT_EQ(cause_named(load_baseline(into, whole_space()), word).file.cause, kAddsBias) << word;
  EXPECT_THAT(refusal([&] { cause_named(load_baseline(into, whole_space()), "nothing"); }),
              HasSubstr("'nothing': no such cause"));
  // A place that goes takes the cause with it when it is the last one.
  drop_finding(into, fmt::format(fmt::runtime(kOfBias), "bool"), whole_space());
  EXPECT_THAT(check_corpus(into, whole_space()), IsEmpty());
  drop_finding(into, fmt::format(fmt::runtime(kOfBias), "float"), whole_space());
  EXPECT_THAT(names_in("into"), IsEmpty());
}

TEST_F(Corpus, APlaceWithoutACaseIsAdoptedAsOne) {
  Finding finding{.violation = {.signature = parse_signature(fmt::format(fmt::runtime(kOfBias), "complex"))},
                  .body = {},
                  .cause = kAddsBias};
  note_place(folder / "in", finding, seen_key());
  const std::string into = (folder / "into").string();
  const Adopted adopted = merge_corpus(in(), into, whole_space());
  EXPECT_EQ(adopted.cases, 0u);
  EXPECT_EQ(adopted.places, 1u);
  const Known& place = load_baseline(into, whole_space()).places.at(to_string(finding.violation.signature));
  EXPECT_TRUE(place.path.empty());
  EXPECT_TRUE(place.here);
}

TEST_F(Corpus, WhatIsSortedLiesUnderWhatItIsBlamedOnNow) {
  const std::string signature = fmt::format(fmt::runtime(kOfBias), "float");
  fs::create_directory(folder / "in/wrong");
  file("in/wrong/x.case", fmt::format(fmt::runtime(kBias), "float64") +
                              "[about]\ntitle = t\nengine = e\n[seen]\n" + seen_key() + " = " + signature +
                              "\n");
  EXPECT_EQ(sort_corpus(in(), whole_space()).size(), 1u);
  const std::string there = "in/" + folder_name_of(kAddsBias) + "/x.case";
  EXPECT_THAT(text_of(there), HasSubstr("engine = e\n"));
  EXPECT_THAT(text_of(there), testing::Not(HasSubstr("title")));  // which the cause has now
  EXPECT_EQ(load_baseline(in(), whole_space()).causes.at(to_string(kAddsBias)).file.title, "t");
  EXPECT_THAT(sort_corpus(in(), whole_space()), IsEmpty());
}

TEST_F(Corpus, WhatIsSortedKeepsPlacesWithoutACase) {
  const Finding met{
      .violation = {.signature = parse_signature(fmt::format(fmt::runtime(kOfBias), "complex"))},
      .body = {},
      .cause = kAddsBias};
  Finding other = met;
  other.cause->operation = "mul_";
  other.violation.signature = parse_signature(fmt::format(fmt::runtime(kOfBias), "integral"));
  note_place(folder / "in", met, seen_key());
  note_place(folder / "in", other, seen_key());
  const std::string signature = fmt::format(fmt::runtime(kOfBias), "float");
  file("in/" + folder_name_of(kAddsBias) + "/x.case",
       fmt::format(fmt::runtime(kBias), "float64") + "[seen]\n" + seen_key() + " = " + signature + "\n");
  EXPECT_THAT(sort_corpus(in(), whole_space()), IsEmpty());
  const Baseline baseline = load_baseline(in(), whole_space());
  EXPECT_EQ(baseline.causes.size(), 2u);
  for (const std::string& place :
       {signature, to_string(met.violation.signature), to_string(other.violation.signature)})
    EXPECT_TRUE(baseline.places.contains(place)) << place;
}

TEST_F(Corpus, ACauseInAFolderOfAnotherNameIsWrong) {
  fs::create_directory(folder / "in/other");
  file("in/other/cause.json", print_cause_file({.cause = kAddsBias}));
  const auto wrong = check_corpus(in(), whole_space());
  ASSERT_EQ(wrong.size(), 1u);
  EXPECT_THAT(wrong.front(), HasSubstr("whose folder is " + folder_name_of(kAddsBias)));
  file("in/other/cause.json", "{\"schema\": 1");
  EXPECT_THAT(refusal([&] { load_baseline(in(), whole_space()); }), HasSubstr("cause.json: line 1"));
}

TEST_F(Corpus, ATemporaryFileOfSomebodyElseIsNotFollowed) {
  file("victim", "untouched");
  fs::create_symlink("victim", folder / ("x." + std::to_string(getpid()) + ".tmp"));
  write_atomically(folder / "x", "text");
  EXPECT_EQ(text_of("victim"), "untouched");
  EXPECT_EQ(text_of("x"), "text");
  EXPECT_THAT(names_in("."), ElementsAre("in", "victim", "x"));
}

TEST(Search, ACountThatNoListHasIsNone) {
  for (const auto* count : {"18446744073709551615", "4000000000", "-1", "", "8x"}) {
    const Case c{
        {{"layers", count}, {"layers[0].module", "Linear"}, {"layers[18446744073709551615].x", "1"}}};
    EXPECT_EQ(list_size(c, "layers"), 0u) << count;
    for (uint64_t seed = 0; seed < 40; ++seed) {
      const Reading child = mutated(c, Rng(seed), whole_space(), {});
      EXPECT_EQ(canonical(child.body, whole_space()), child.body);
      crossed(c, c, Rng(seed), whole_space(), {});
    }
  }
}

TEST(Search, ManyBracketsAreListsOnce) {
  Case c;
  for (int i = 0; i < 250; ++i) c.choices.push_back({std::string(250, '[') + std::to_string(i), "1"});
  EXPECT_EQ(lists_of(c).size(), 250u);
}

TEST(Text, WhatIsNoneIsReplacedAndWhatIsIsKept) {
  EXPECT_EQ(as_text("a\tb \xC3\xA4 \xE2\x82\xAC \xF0\x9F\x98\x80"),
            "a\tb \xC3\xA4 \xE2\x82\xAC \xF0\x9F\x98\x80");
  for (const std::string& bad : {std::string("\0", 1), std::string("\x1b"), std::string("\x7F"),
                                 std::string("\x80"), std::string("\xFF"), std::string("\xC3")})
    EXPECT_EQ(as_text("a" + bad + "b"), "a\uFFFDb") << bad;
  EXPECT_EQ(as_text("a\r\nb"), "a  b");
  EXPECT_EQ(as_text("\xC2\x9B"), "\uFFFD\uFFFD");  // a terminal's CSI
  EXPECT_EQ(as_text("\xC0\xAF"), "\uFFFD\uFFFD");  // a slash in two bytes
  EXPECT_EQ(as_text("\xED\xA0\x80"), "\uFFFD\uFFFD\uFFFD");
  EXPECT_EQ(as_text("\xEF\xBF\xBE"), "\uFFFD\uFFFD\uFFFD");
  EXPECT_EQ(as_text("abc\xC3\xA4", 4), "abc...");
}

}  // namespace
}  // namespace dtypefuzz

// The atlas: the same run twice gives the same bytes, a file is read back as it was written and believed in
// nothing, and a comparison shows what changed.
#include "harness/atlas/survey.h"

#include <ATen/autocast_mode.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <stdexcept>

#include "dtypefuzz/error.h"
#include "dtypefuzz/rng.h"
#include "harness/atlas/atlas_file.h"
#include "harness/atlas/compare.h"
#include "harness/atlas/exceptions.h"
#include "harness/atlas/judge.h"
#include "harness/check/check.h"
#include "harness/run/run.h"

namespace dtypefuzz {
namespace {

using Json = nlohmann::json;

AtlasSettings settings_of(std::initializer_list<const char*> modules, std::vector<Dtype> dtypes,
                          int jobs = 1) {
  AtlasSettings settings{.space = whole_space(), .whole = whole_space(), .jobs = jobs};
  const auto unwanted = [&](const Row* row) {
    return std::find(modules.begin(), modules.end(), row->name) == modules.end();
  };
  std::erase_if(settings.space.modules, unwanted);
  std::erase_if(settings.space.losses, unwanted);
  settings.space.dtypes = std::move(dtypes);
  return settings;
}

Atlas made(const AtlasSettings& settings, AtlasProgress& progress, const OnSection& on_section = {}) {
  const std::atomic<int> interrupted{0};
  return run_atlas(settings, on_section, [](const AtlasProgress&) {}, interrupted, progress);
}
Atlas made(const AtlasSettings& settings) {
  AtlasProgress progress;
  return made(settings, progress);
}

/// A few dtypes of each kind: accepted, refused, not to be converted to, not to be computed with.
const std::vector<Dtype> kSome = {Dtype::Float, Dtype::Double, Dtype::BFloat16,     Dtype::Long,
                                  Dtype::Bool,  Dtype::QInt8,  Dtype::ComplexFloat, Dtype::Bits8};

const Atlas& small_atlas() {
  static const Atlas atlas =
      made(settings_of({"Linear", "Embedding", "ReLU", "MSELoss", "CrossEntropyLoss"}, kSome));
  return atlas;
}

const Section& section_of(const Atlas& atlas, const std::string& module, const std::string& device = "cpu",
                          const std::string& autocast = "off", const std::string& mode = "train") {
  for (const Section& s : atlas.sections)
    if (s.module == module && s.variant == "simplest" && s.device == device && s.autocast == autocast &&
        s.mode == mode)
      return s;
  throw Error("no such section");
}

CellResult cell_of(const Atlas& atlas, const Section& section,
                   const std::map<std::string, std::string>& dtypes) {
  const Layout& layout = atlas.layouts[section.layout];
  const auto cells = atlas.results_of(section);
  std::optional<CellResult> found;
  each_cell(layout, atlas.axis, [&](size_t cell, const Grid&, std::span<const uint32_t> dtype_of) {
    for (size_t i = 0; i < dtype_of.size(); ++i)
      if (dtypes.at(layout.operands[i]) != atlas.dtypes[dtype_of[i]]) return;
    found = atlas.results[cells[cell]];
  });
  return found.value();
}

/// All modules with few dtypes: enough for every layout.
const Atlas& every_module() {
  static const Atlas atlas = [] {
    AtlasSettings settings{.space = whole_space(), .whole = whole_space(), .jobs = 2};
    settings.space.dtypes = {Dtype::Float, Dtype::BFloat16, Dtype::Long};
    return made(settings);
  }();
  return atlas;
}

TEST(AtlasRun, TheSameRunGivesTheSameBytesWithAnyNumberOfJobs) {
  const auto once = print_atlas(small_atlas());
  EXPECT_EQ(once, print_atlas(made(settings_of({"Linear", "Embedding", "ReLU", "MSELoss", "CrossEntropyLoss"},
                                               kSome, 3))));
}

TEST(AtlasRun, TheCellsOfALayoutDifferInTheirDtypes) {
  const Atlas& atlas = every_module();
  for (const Layout& layout : atlas.layouts) {
    std::set<std::vector<uint32_t>> met;
    each_cell(layout, atlas.axis, [&](size_t cell, const Grid&, std::span<const uint32_t> dtype_of) {
      EXPECT_EQ(cell, met.size());
      EXPECT_TRUE(met.emplace(dtype_of.begin(), dtype_of.end()).second) << fmt::format("{}", cell);
    });
    EXPECT_EQ(met.size(), layout.cell_count(atlas.axis));
  }
}

TEST(AtlasRun, EverySimplestModuleSucceedsInFloat32) {
  const Atlas& atlas = every_module();
  std::set<std::string> modules;
  for (const Section& section : atlas.sections) {
    if (section.variant != "simplest" || section.device != "cpu" || section.autocast != "off") continue;
    modules.insert(section.module);
    const Layout& layout = atlas.layouts[section.layout];
    std::map<std::string, std::string> natural;
    for (const auto& operand : layout.operands) natural[operand] = "float32";
    for (const Grid& grid : layout.grids)
      for (const auto& [operand, dtype] : grid.fixed)
        if (atlas.dtypes[dtype] != "bfloat16") natural[layout.operands[operand]] = atlas.dtypes[dtype];
    const Row* row = whole_space().row(section.module);
    if (row->natural) natural[std::string(row->input_name)] = name_of(*row->natural);
    EXPECT_EQ(cell_of(atlas, section, natural).outcome, "succeeded")
        << section.module << " in " << section.mode;
  }
  EXPECT_EQ(modules.size(), module_rows().size() + losses().size());
}

TEST(AtlasRun, ACellSaysWhatTheModuleDoes) {
  const Atlas& atlas = small_atlas();
  const auto linear = [&](const char* weight, const char* bias, const char* input,
                          const char* autocast = "off", const char* mode = "train") {
    return cell_of(atlas, section_of(atlas, "Linear", "cpu", autocast, mode),
                   {{"weight", weight}, {"bias", bias}, {"input", input}});
  };
  EXPECT_EQ(linear("float32", "float32", "float32"),
            (CellResult{"succeeded", "backward", "accepted", "-", "float32", "-", "promise"}));
  EXPECT_EQ(linear("float32", "float32", "float32", "off", "no_grad"),
            (CellResult{"succeeded", "forward", "accepted", "-", "float32", "-", "promise"}));
  EXPECT_EQ(linear("float32", "float32", "float32", "bfloat16"),
            (CellResult{"succeeded", "backward", "accepted", "-", "bfloat16", "-", "promise"}));
  EXPECT_EQ(linear("float32", "float32", "float64"),
            (CellResult{"refused", "forward", "mat1_mat2", "exact", "-", "c10::Error", "promise"}));
  EXPECT_EQ(linear("int64", "int64", "float32").phase, "convert");
  EXPECT_EQ(cell_of(atlas, section_of(atlas, "Embedding"), {{"weight", "float64"}, {"input", "int64"}}),
            (CellResult{"succeeded", "backward", "accepted", "-", "float64", "-", "promise"}));
  EXPECT_EQ(
      cell_of(atlas, section_of(atlas, "MSELoss"), {{"input", "float64"}, {"target", "float32"}}).outcome,
      "succeeded");
}

TEST(AtlasRun, WhatFollowsFromAnotherCellIsWhatARunGives) {
  // Cells with parameters that cannot be converted are not run one by one.
  AtlasProgress progress;
  const Atlas atlas = made(settings_of({"LayerNorm"}, kSome), progress);
  EXPECT_LT(progress.runs, progress.cells);
  EXPECT_EQ(progress.cells, progress.all_cells);
  EXPECT_EQ(progress.cells, atlas.cell_count());
  const Section& section = section_of(atlas, "LayerNorm");
  for (const auto* input : {"float32", "int64", "bits8"}) {
    const auto cell = cell_of(atlas, section, {{"weight", "int64"}, {"bias", "int64"}, {"input", input}});
    Checker checker;
    const Case alone{{{"layers[0].module", "LayerNorm"},
                      {"params.dtype", "int64"},
                      {"input.dtype", input},
                      {"input.requires_grad", "true"}}};
    const auto checked = checker.check(plan_of(alone, whole_space()));
    EXPECT_EQ(cell.phase, to_string(checked.seen.error->phase));
  }
}

/// The cells of a section, one by one.
std::vector<CellResult> cells_of(const Atlas& atlas, const Section& section) {
  std::vector<CellResult> cells;
  for (const uint32_t at : atlas.results_of(section)) cells.push_back(atlas.results[at]);
  return cells;
}

TEST(AtlasRun, WhatWasDerivedIsMarkedAndIsWhatARunGives) {
  AtlasSettings settings = settings_of({"Linear", "LayerNorm"}, whole_space().dtypes, 2);
  AtlasProgress some, all;
  const Atlas derived = made(settings, some);
  settings.derives = false;
  const Atlas run = made(settings, all);
  EXPECT_EQ(all.runs, all.all_cells);
  EXPECT_LT(2 * some.runs, all.runs);
  uint64_t marked = 0;
  ASSERT_EQ(derived.sections.size(), run.sections.size());
  for (size_t i = 0; i < run.sections.size(); ++i) {
    auto cells = cells_of(derived, derived.sections[i]);
    const auto wanted = cells_of(run, run.sections[i]);
    for (size_t k = 0; k < cells.size(); ++k) {
      EXPECT_FALSE(wanted[k].derived);
      marked += std::exchange(cells[k].derived, false);
    }
    EXPECT_EQ(cells, wanted) << run.sections[i].module << " " << run.sections[i].variant;
  }
  EXPECT_EQ(marked, some.all_cells - some.runs);
  EXPECT_EQ(parse_atlas(print_atlas(derived)), derived);
}

struct Unheard : std::runtime_error {
  using std::runtime_error::runtime_error;
};
std::vector<at::Tensor> throws_by_dtype(torch::nn::Module&, std::span<const at::Tensor> inputs) {
  TORCH_CHECK_TYPE(inputs[0].scalar_type() != at::kDouble, "not of Double");
  if (inputs[0].scalar_type() == at::kLong) throw Unheard("of no list");
  return {inputs[0]};
}

AtlasSettings settings_of(const Row& row, std::vector<Dtype> dtypes) {
  AtlasSettings settings{.space = whole_space(), .whole = whole_space(), .jobs = 2};
  settings.space.modules = {&row};
  settings.space.losses.clear();
  settings.space.dtypes = std::move(dtypes);
  return settings;
}

TEST(AtlasRun, ACellHasTheClassThatWasThrownWhateverItIs) {
  Row throws = *whole_space().row("ReLU");
  throws.forward = throws_by_dtype;
  const Atlas atlas = made(settings_of(throws, {Dtype::Float, Dtype::Double, Dtype::Long}));
  const auto exception = [&](const char* dtype) {
    return cell_of(atlas, section_of(atlas, "ReLU"), {{"input", dtype}}).exception;
  };
  EXPECT_EQ(exception("float32"), "-");
  EXPECT_EQ(exception("float64"), "c10::TypeError");
  EXPECT_EQ(exception("int64"), "dtypefuzz::(anonymous namespace)::Unheard");
  EXPECT_EQ(parse_atlas(print_atlas(atlas)), atlas);
}

TEST(AtlasRun, AClassHasOneNumberAndThereIsRoomForSome) {
  Exceptions exceptions;
  EXPECT_EQ(exceptions.name(Exceptions::kNone), "-");
  for (size_t i = 0; i < Exceptions::kMost; ++i) {
    const auto name = fmt::format("E{}", i);
    const uint32_t number = exceptions.number_of(name);
    EXPECT_NE(number, Exceptions::kNone);
    EXPECT_EQ(exceptions.number_of(name), number);
    EXPECT_EQ(exceptions.name(number), name);
  }
  EXPECT_EQ(exceptions.name(exceptions.number_of("one too many")), "another");
  Exceptions fresh;
  const std::string long_name(1000, 'x');
  EXPECT_EQ(fresh.number_of(long_name), fresh.number_of(long_name));
  EXPECT_EQ(fresh.name(fresh.number_of(long_name)), long_name.substr(0, Exceptions::kLongest));
}

/// On cpu, outside of a region, in train: one section with a crash and one with a hang.
std::vector<at::Tensor> dies_of_float64(torch::nn::Module& module, std::span<const at::Tensor> inputs) {
  if (!module.is_training() || inputs[0].is_meta() || at::autocast::is_autocast_enabled(at::kCPU))
    return {inputs[0]};
  if (inputs[0].scalar_type() == at::kDouble) raise(SIGSEGV);
  while (inputs[0].scalar_type() == at::kLong) usleep(1000);
  return {inputs[0]};
}

TEST(AtlasRun, ACrashAndAHangCostOneCell) {
  Row fragile = *whole_space().row("ReLU");
  fragile.forward = dies_of_float64;
  AtlasSettings settings = settings_of(fragile, {Dtype::Float, Dtype::Double, Dtype::Long, Dtype::Half});
  settings.cell_seconds = 2;
  AtlasProgress progress;
  const Atlas atlas = made(settings, progress);
  EXPECT_EQ(progress.cells, progress.all_cells);
  EXPECT_EQ(progress.crashes, 2u);
  const Section& section = section_of(atlas, "ReLU");
  const auto outcome = [&](const char* dtype) { return cell_of(atlas, section, {{"input", dtype}}); };
  EXPECT_EQ(outcome("float64"), (CellResult{"crash", "forward", "SIGSEGV", "-", "-"}));
  EXPECT_EQ(outcome("int64"), (CellResult{"crash", "forward", "hang", "-", "-"}));
  EXPECT_EQ(outcome("float32").outcome, "succeeded");
  EXPECT_EQ(outcome("float16").outcome, "succeeded");
}

TEST(AtlasFile, IsReadAsItWasWritten) {
  EXPECT_EQ(parse_atlas(print_atlas(small_atlas())), small_atlas());
}

TEST(AtlasFile, SectionsAreStreamedAsTheyStandInTheFile) {
  AtlasProgress progress;
  std::vector<Section> streamed;
  std::vector<std::vector<CellResult>> cells;
  const Atlas atlas = made(settings_of({"Linear", "ReLU"}, kSome, 2), progress,
                           [&](const Section& section, const Layout&, auto results, const Atlas& so_far) {
                             streamed.push_back(section);
                             cells.emplace_back();
                             for (const uint32_t r : results) cells.back().push_back(so_far.results[r]);
                           });
  ASSERT_EQ(streamed.size(), atlas.sections.size());
  for (size_t i = 0; i < streamed.size(); ++i) {
    EXPECT_EQ(streamed[i].key(), atlas.sections[i].key());
    const auto read = atlas.results_of(atlas.sections[i]);
    ASSERT_EQ(read.size(), cells[i].size());
    for (size_t k = 0; k < read.size(); ++k) EXPECT_EQ(atlas.results[read[k]], cells[i][k]);
  }
}

std::string refusal_of(const std::string& text) {
  try {
    parse_atlas(text);
  } catch (const Error& e) {
    EXPECT_EQ(e.exit_code(), 2);
    return e.what();
  }
  return "accepted";
}

constexpr const char* kTiny =
    R"({"format": "dtypefuzz atlas", "schema": 1, "libtorch": "2", "cpu_capability": "x",
"dtypes": ["float32", "int64"], "axis": 2,
"layouts": [{"operands": ["weight", "input"], "grids": [{"rows": [0], "column": 1, "fixed": [], "leaves_out": -2}]}],
"results": [["succeeded", "forward", "accepted", "-", "float32"]],
"rows": [[0,1]], "tables": [[0,2]], "sections": [["Linear", "simplest", "cpu", "off", "train", 0, 0]]})";

TEST(AtlasFile, IsRefusedWithTheValueAndItsPlace) {
  ASSERT_EQ(refusal_of(kTiny), "accepted");
  const std::string deep =
      "\"schema\": " + std::string(100'000, '[') + std::string(100'000, ']');  // printing it would need stack
  const struct {
    const char *replace, *with, *says;
  } cases[] = {
      {"dtypefuzz atlas", "dtypefuzz case", "not an atlas"},
      {"\"schema\": 1", "\"schema\": 5", "schema: expected 1, 2, 3 or 4, which this version reads, got 5"},
      {"\"libtorch\": \"2\"", "\"libtorch\": 2", "libtorch: expected a text, got 2"},
      {"\"libtorch\"", "\"libtroch\"", "has no 'libtorch'"},
      {"\"float32\", \"int64\"", "\"float32\", \"float32\"", "dtypes[1]: 'float32' stands twice"},
      {"\"float32\", \"int64\"", "", "axis"},
      {"\"axis\": 2", "\"axis\": 3", "axis: expected the index of one of 3"},
      {"\"axis\": 2", "\"axis\": 0", "axis: expected a dtype at least, got 0"},
      {"\"column\": 1", "\"column\": 2",
       "layouts[0].grids[0].column: expected the index of one of 2 operands, got 2"},
      {"\"column\": 1", "\"column\": -1", "layouts[0].grids[0].column"},
      {"\"column\": 1", "\"column\": 0.5", "layouts[0].grids[0].column"},
      {"\"column\": 1", "\"column\": 0", "operand 0 stands twice"},
      {"\"rows\": [0]", "\"rows\": []", "operand 0 has no dtype"},
      {"\"fixed\": []", "\"fixed\": [[0]]", "fixed[0]: expected an operand and a dtype"},
      {"\"fixed\": []", "\"fixed\": [[0, 9]]", "stands twice"},
      {"\"leaves_out\": -2", "\"leaves_out\": 2", "leaves_out: expected a whole number from -2 to 1, got 2"},
      {"\"leaves_out\": -2", "\"leaves_out\": -1", "sections[0]: table 0 has not the rows of layout 0"},
      {"[[0,1]]", "[[1,1]]", "rows[0][0]: expected the index of one of 1 results, got 1"},
      {"[[0,1]]", "[[0]]", "rows[0]: expected pairs"},
      {"[[0,1]]", "[[0,4294967297]]", "rows[0][1]: expected a count from 1 to 2"},
      {"[[0,1]]", "[[0,0]]", "rows[0][1]: expected a count"},
      {"[[0,1]]", "[[0,2,0,2]]", "rows[0]: is longer than 2"},
      {"[[0,1]]", "{}", "rows: expected a list"},
      {"[[0,2]]", "[[0,1]]", "sections[0]: table 0 has not the rows of layout 0"},
      {"[[0,2]]", "[[7,2]]", "tables[0][0]"},
      {"\"train\", 0, 0", "\"train\", 1, 0", "sections[0][5]: expected the index of one of 1 layouts, got 1"},
      {"\"train\", 0, 0", "\"train\", 0", "sections[0]: expected module"},
      {"\"train\", 0, 0]", "\"train\", 0, 0], [\"Linear\", \"simplest\", \"cpu\", \"off\", \"train\", 0, 0]",
       "sections[1]: stands twice"},
      {"\"-\", \"float32\"]]", "\"-\"]]", "results[0]: expected outcome"},
      {"\"float32\"]]", "\"float32\", \"c10::Error\", \"promise\", \"derived\", \"-\"]]",
       "results[0]: expected outcome"},
      {"\"float32\"]]", "\"float32\", \"c10::Error\", \"promise\", \"run\"]]",
       "results[0][7]: expected derived"},
      {"\"float32\"]]", "\"float32\", 1]]", "results[0][5]: expected a text, got 1"},
      {"\"float32\"]]", "\"float32\", \"\\n\"]]",
       "results[0][5]: expected a text without control characters"},
      {"\"Linear\"", "\"\\u001b[2J\"", "sections[0][0]: expected a text without control characters"},
      {"\"schema\": 1", deep.c_str(), "line 1: lists within lists, expected at most 64 levels"},
  };
  for (const auto& [replace, with, says] : cases) {
    std::string text = kTiny;
    ASSERT_NE(text.find(replace), std::string::npos) << replace;
    text.replace(text.find(replace), std::string_view(replace).size(), with);
    EXPECT_NE(refusal_of(text).find(says), std::string::npos) << with << ": " << refusal_of(text);
  }
}

TEST(AtlasFile, OneOfBeforeHasNoExceptionsAndIsReadAsItWas) {
  const Atlas atlas = parse_atlas(kTiny);
  EXPECT_EQ(atlas.results[0], (CellResult{"succeeded", "forward", "accepted", "-", "float32", "-"}));
  EXPECT_EQ(parse_atlas(print_atlas(atlas)), atlas);
}

TEST(AtlasFile, AFewWordsThatClaimVeryManyCellsAreRefused) {
  Json json = Json::parse(kTiny);
  for (int i = 0; i < 253; ++i) json["dtypes"].push_back(fmt::format("d{}", i));
  json["axis"] = 255;
  const Json grid = json["layouts"][0]["grids"][0];
  for (int i = 0; i < 100; ++i) json["layouts"][0]["grids"].push_back(grid);
  EXPECT_NE(refusal_of(json.dump()).find("layouts[0]: 6567525 cells, at most 1000000 are possible"),
            std::string::npos)
      << refusal_of(json.dump());
  // Each layout small enough, and all sections together not.
  Json& grids = json["layouts"][0]["grids"];
  grids = Json(std::vector<Json>(15, grid));
  json["rows"] = {{0, 254}};
  json["tables"] = {{0, 255 * 15}};
  json["sections"] = Json::array();
  for (int i = 0; i < 600; ++i)
    json["sections"].push_back({fmt::format("M{}", i), "simplest", "cpu", "off", "train", 0, 0});
  EXPECT_NE(refusal_of(json.dump()).find("cells, at most 500000000 are possible"), std::string::npos)
      << refusal_of(json.dump());
}

TEST(AtlasFile, IsRefusedWhereverItIsCutAndHoweverItIsBent) {
  const std::string text = kTiny;
  for (size_t length = 0; length < text.size(); ++length)
    EXPECT_NE(refusal_of(text.substr(0, length)), "accepted") << length;
  Rng rng(1);
  for (int i = 0; i < 20'000; ++i) {  // whatever comes of it: an atlas or an Error
    std::string bent = text;
    for (uint64_t k = rng.below(4) + 1; k > 0; --k)
      bent[rng.below(bent.size())] = "0123456789-[]{},:\"e. \xff"[rng.below(22)];
    refusal_of(bent);
  }
  for (const auto* opening : {"[", "{\"format\":"}) {
    std::string deep;
    for (int i = 0; i < 200'000; ++i) deep += opening;
    EXPECT_NE(refusal_of(deep), "accepted");
  }
  EXPECT_THROW(load_atlas("/nonexistent/atlas.json"), Error);
  EXPECT_THROW(load_atlas("/proc"), Error);
}

TEST(AtlasDiff, AnAtlasIsTheSameAsItself) {
  const auto difference = compare(small_atlas(), parse_atlas(print_atlas(small_atlas())));
  EXPECT_TRUE(difference.none());
  EXPECT_EQ(difference.same, small_atlas().cell_count());
}

/// The same atlas with other cells, which are written anew.
template <class Edit>
Atlas edited(const Atlas& atlas, Edit&& edit) {
  Atlas header;
  header.libtorch = "9.9.9", header.cpu_capability = atlas.cpu_capability;
  header.dtypes = atlas.dtypes, header.axis = atlas.axis;
  AtlasWriter writer(header);
  for (const Section& section : atlas.sections) {
    const Layout& layout = atlas.layouts[section.layout];
    std::vector<uint32_t> cells;
    const auto were = atlas.results_of(section);
    each_cell(layout, atlas.axis, [&](size_t cell, const Grid&, std::span<const uint32_t> dtype_of) {
      CellResult result = atlas.results[were[cell]];
      edit(section, dtype_of, result);
      cells.push_back(writer.result(result));
    });
    writer.add(section, layout, cells);
  }
  return std::move(writer).finish();
}

TEST(AtlasDiff, AChangedCellShows) {
  const Atlas& before = small_atlas();
  const uint32_t float64 = 1;
  ASSERT_EQ(before.dtypes[float64], "float64");
  const Atlas after = edited(before, [&](const Section& s, auto dtype_of, CellResult& r) {
    if (s.module == "ReLU" && s.mode == "eval" && s.device == "cpu" && dtype_of[0] == float64)
      r.output_dtype = "float32";
  });
  const auto difference = compare(before, after);
  EXPECT_FALSE(difference.none());
  EXPECT_EQ(difference.changed, 3u);  // autocast off, bfloat16, float16
  ASSERT_EQ(difference.changes.size(), 1u);
  const CellChange& change = difference.changes[0];
  EXPECT_EQ(change.module, "ReLU");
  EXPECT_EQ(change.operand, "input");
  EXPECT_EQ(change.cells, 3u);
  EXPECT_EQ(change.before.output_dtype, "float64");
  EXPECT_EQ(change.after.output_dtype, "float32");
  EXPECT_EQ(change.example, "input float64; simplest, cpu, autocast off, eval");
}

TEST(AtlasDiff, ADifferenceInTheExceptionAloneIsToldAsOne) {
  const Atlas& before = small_atlas();
  uint64_t cells = 0;
  const Atlas after = edited(before, [&](const Section& s, auto, CellResult& r) {
    if (s.module == "Linear" && r.family == "mat1_mat2") r.exception = "c10::TypeError", ++cells;
    if (s.module == "ReLU" && r.exception != "-") r.exception = "c10::TypeError", r.grade = "vague";
  });
  ASSERT_GT(cells, 0u);
  const auto difference = compare(before, after);
  EXPECT_EQ(difference.exception_alone, cells);
  EXPECT_GT(difference.changed, 0u);
  EXPECT_EQ(difference.same + difference.changed + cells, before.cell_count());
  ASSERT_FALSE(difference.changes.empty());
  EXPECT_EQ(difference.changes.front().module, "ReLU");  // what is more than that comes first
  const CellChange& last = difference.changes.back();
  EXPECT_TRUE(last.exception_alone);
  EXPECT_EQ(last.module, "Linear");
  EXPECT_EQ(last.before.exception, "c10::Error");
  EXPECT_EQ(last.after.exception, "c10::TypeError");
  for (const CellChange& change : difference.changes)
    EXPECT_EQ(change.exception_alone, change.module == "Linear") << change.example;
  const auto alone = compare(before, edited(before, [](const Section&, auto, CellResult& r) {
                               if (r.exception != "-") r.exception = "c10::TypeError";
                             }));
  EXPECT_EQ(alone.changed, 0u);
  EXPECT_FALSE(alone.none());
}

TEST(AtlasDiff, AnAtlasOfBeforeDiffersInNoException) {
  const Atlas& now = small_atlas();
  const Atlas before = edited(now, [](const Section&, auto, CellResult& r) { r.exception = "-"; });
  ASSERT_NE(before.results, now.results);
  for (const auto& difference : {compare(before, now), compare(now, before)}) {
    EXPECT_TRUE(difference.none());
    EXPECT_EQ(difference.same, now.cell_count());
  }
  const auto changed = compare(before, edited(now, [](const Section& s, auto, CellResult& r) {
                                 if (s.module == "Linear" && r.exception != "-") r.phase = "backward";
                               }));
  EXPECT_GT(changed.changed, 0u);
  EXPECT_EQ(changed.exception_alone, 0u);
}

TEST(AtlasDiff, DtypesAndModulesThatCameOrWentAreCountedAndTheRestIsCompared) {
  const Atlas fewer = made(settings_of({"Linear", "ReLU"}, {Dtype::Double, Dtype::Float, Dtype::Long}));
  const auto difference = compare(small_atlas(), fewer);
  EXPECT_EQ(difference.changed, 0u) << difference.changes[0].example;
  EXPECT_EQ(difference.same, fewer.cell_count());
  EXPECT_TRUE(difference.only_after.empty());
  EXPECT_EQ(difference.only_before.size(), 5u);
  const auto back = compare(fewer, small_atlas());
  EXPECT_EQ(back.same, difference.same);
  EXPECT_EQ(back.only_after, difference.only_before);
}

/// An atlas of one module's simplest variant and one other, on the CPU in one mode, written by hand: the
/// input in float32 and int64, each cell with this outcome and family.
Atlas atlas_of(std::initializer_list<std::tuple<Section, CellResult, CellResult>> sections,
               const std::string& operand = "input") {
  Atlas header;
  header.dtypes = {"float32", "int64"}, header.axis = 2;
  AtlasWriter writer(std::move(header));
  for (const auto& [section, of_float, of_long] : sections) {
    const Layout layout{{operand}, {{.rows = {}, .column = 0, .fixed = {}}}};
    writer.add(section, layout, std::vector{writer.result(of_float), writer.result(of_long)});
  }
  return std::move(writer).finish();
}
const CellResult kRan = {"succeeded", "forward", "accepted", "-", "float32", "-", "-"};
const CellResult kLacks = {"unsupported", "forward", "kernel_not_implemented", "-", "-",
                           "c10::Error",  "words"};

std::map<std::string, uint64_t> flagged_in(const Atlas& atlas) {
  return judge_atlas(atlas, whole_space()).flagged;
}

TEST(AtlasJudge, FlagsWhatANeighbourTakes) {
  using Flagged = std::map<std::string, uint64_t>;
  const Section relu = {"ReLU", "simplest", "cpu", "off", "train"};
  EXPECT_EQ(flagged_in(atlas_of({{relu, kRan, kRan}})), Flagged{});
  EXPECT_EQ(flagged_in(atlas_of({{relu, kLacks, kLacks}})), Flagged{}) << "nobody takes it";

  const Section in_region = {"ReLU", "simplest", "cpu", "bfloat16", "train"};
  EXPECT_EQ(flagged_in(atlas_of({{relu, kRan, kRan}, {in_region, kLacks, kLacks}})), (Flagged{{"region", 1}}))
      << "regions are about floating dtypes";

  const Section option = {"GELU", "approximate=tanh", "cpu", "off", "train"};
  const Section plain = {"GELU", "simplest", "cpu", "off", "train"};
  EXPECT_EQ(flagged_in(atlas_of({{plain, kRan, kLacks}, {option, kLacks, kLacks}})),
            (Flagged{{"option", 1}}));
  const Section elu = {"Functional", "function=elu", "cpu", "off", "train"};
  const Section functional = {"Functional", "simplest", "cpu", "off", "train"};
  EXPECT_EQ(flagged_in(atlas_of({{functional, kRan, kRan}, {elu, kLacks, kLacks}})), Flagged{})
      << "another function";

  const Section one = {"MaxPool1d", "simplest", "cpu", "off", "train"};
  const Section two = {"MaxPool2d", "simplest", "cpu", "off", "train"};
  EXPECT_EQ(flagged_in(atlas_of({{one, kRan, kLacks}, {two, kRan, kRan}})), (Flagged{{"dimensions", 1}}));

  const Section eval = {"ReLU", "simplest", "cpu", "off", "eval"};
  EXPECT_EQ(flagged_in(atlas_of({{relu, kRan, kRan}, {eval, kRan, kLacks}})), (Flagged{{"modes", 1}}));
}

TEST(AtlasJudge, FlagsWordsThatAreNotTrue) {
  using Flagged = std::map<std::string, uint64_t>;
  const Section relu = {"ReLU", "simplest", "cpu", "off", "train"};
  CellResult mismatch = kLacks;
  mismatch.family = "mat1_mat2";
  EXPECT_EQ(flagged_in(atlas_of({{relu, kRan, mismatch}})), (Flagged{{"mismatch", 1}}));
  CellResult assertion = kLacks;
  assertion.family = "internal_assert";
  EXPECT_EQ(flagged_in(atlas_of({{relu, kRan, assertion}})), (Flagged{{"unsupported", 1}}));
  CellResult foreign = kLacks;
  foreign.exception = "std::runtime_error";
  EXPECT_EQ(flagged_in(atlas_of({{relu, kRan, foreign}})), (Flagged{{"unsupported", 1}}));
}

TEST(AtlasJudge, CountsWhatIsJudgedAndByWhat) {
  const Section relu = {"ReLU", "simplest", "cpu", "off", "train"};
  const Section in_region = {"ReLU", "simplest", "cpu", "bfloat16", "train"};
  CellResult promised = kRan;
  promised.judged = "promise";
  const Judgement judgement =
      judge_atlas(atlas_of({{relu, promised, kRan}, {in_region, kRan, kLacks}}), whole_space());
  using Counts = std::map<std::string, uint64_t>;
  EXPECT_EQ(judgement.realistic.cells, 4u);
  EXPECT_EQ(judgement.realistic.by, (Counts{{"promise", 1}, {"region", 1}, {"words", 1}}));
  EXPECT_EQ(judgement.realistic.left, (Counts{{"succeeded, and nothing is promised of it", 1}}));
  EXPECT_EQ(judgement.consistent_floating.cells, 2u);
  EXPECT_EQ(judgement.consistent_floating.judged, 2u);
}

}  // namespace
}  // namespace dtypefuzz

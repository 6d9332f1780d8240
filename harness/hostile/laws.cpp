#include "harness/hostile/laws.h"

#include <fmt/format.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <optional>

#include "dtypefuzz/error.h"
#include "generators/stack.h"
#include "harness/atlas/atlas_file.h"
#include "harness/atlas/compare.h"
#include "harness/campaign/record.h"
#include "harness/campaign/snapshot.h"
#include "harness/core/text.h"
#include "harness/corpus/baseline.h"
#include "harness/corpus/keep.h"
#include "harness/files/cause_file.h"
#include "harness/files/files.h"
#include "harness/report/lines.h"
#include "harness/search/mutate.h"
#include "properties/messages.h"

namespace dtypefuzz::hostile {
namespace {

namespace fs = std::filesystem;

bool is_text(std::string_view text) {
  return as_text(text) == text;
}

/// `12: what is wrong`
bool has_a_line(std::string_view error) {
  const auto digits = error.find_first_not_of("0123456789");
  return digits != std::string_view::npos && digits > 0 && error.substr(digits, 2) == ": ";
}

/// Too long, or without any answer: no line is to blame.
bool is_about_all(std::string_view error) {
  return error.starts_with("the file has no answer") || error.find(" bytes, a case has") < 8;
}

std::optional<Case> case_of(std::string_view bytes) {
  try {
    return parse_case(bytes).body;
  } catch (const Error&) {
    return std::nullopt;
  }
}

void require_plain(const std::string& name) {
  require(name.ends_with(".case") && name.size() < 100 &&
              name.find_first_of(std::string_view("/\0", 2)) == std::string::npos && name[0] != '.' &&
              is_text(name),
          "a file's name is a plain one", name);
}

/// In memory where that can be.
fs::path scratch_base() {
  return access("/dev/shm", W_OK) == 0 ? "/dev/shm" : fs::temp_directory_path();
}

}  // namespace

void require(bool holds, std::string_view law, std::string_view what) {
  if (holds) return;
  fmt::print(stderr, "\nbroken: {}\n  by: {}\n", law, as_text(what, 2000));
  std::abort();
}

Read read_as_case(std::string_view bytes) {
  CaseFile parsed;
  try {
    parsed = parse_case(bytes);
  } catch (const Error& e) {
    const std::string_view text = e.what();
    require(is_text(text) && text.size() < 300, "an error is one short line of text", text);
    require(is_about_all(text) || has_a_line(text), "an error names its line", text);
    return is_about_all(text) || text.find("not a case file") != std::string_view::npos ? Read::no_case
                                                                                        : Read::refused;
  }
  for (const Choice& choice : parsed.body.choices)
    require(is_text(choice.name) && is_text(choice.value), "what is read is text", choice.name);
  CaseFile again = parse_case(print_case(parsed));
  again.lines = parsed.lines;
  require(again == parsed, "what is read prints and reads back to itself", print_case(parsed));
  const Case whole = canonical(parsed.body, whole_space());
  require(canonical(whole, whole_space()) == whole, "a case is canonical after one reading",
          print_case({whole, {}, {}, {}}));
  std::vector<std::string> notes;
  bool accepted = false;
  try {
    const CaseFile file = read_case(bytes, "x", whole_space(), &notes);
    accepted = true;
    require(canonical(file.body, whole_space()) == file.body, "a case that is accepted is canonical",
            print_case(file));
    std::vector<std::string> none;
    require(read_case(print_case(file), "x", whole_space(), &none) == file && none.empty(),
            "a file is mended once", none.empty() ? print_case(file) : none.front());
  } catch (const Error& e) {
    const std::string_view text = e.what();
    require(is_text(text) && text.starts_with("x:"), "an error names its file", text);
    // Whole, a case may be too long; what was accepted never is.
    require(has_a_line(text.substr(2)) || (is_about_all(text.substr(2)) && !accepted),
            "an error names its line", text);
    return Read::refused;
  }
  for (const auto& note : notes)
    require(is_text(note) && note.starts_with("x:"), "a note has its place", note);
  return notes.empty() ? Read::whole : Read::mended;
}

void read_as_signature(std::string_view bytes) {
  const std::string text(bytes);
  require_plain(file_name_of(text));
  try {
    require(to_string(parse_signature(bytes)) == text, "a signature prints to its text", text);
  } catch (const Error& e) {
    require(is_text(e.what()) && std::string_view(e.what()).size() < 300,
            "an error is one short line of text", e.what());
  }
}

void read_as_message(std::string_view bytes) {
  if (const auto known = recognize(bytes)) {
    require(known->family >= message_families().data() &&
                known->family < message_families().data() + message_families().size(),
            "a family is one of the table's", bytes);
    for (const NamedDtype& named : known->named)
      require(name_of(named.dtype) != "undefined", "what is named is a dtype", bytes);
  }
  if (const auto dtype = dtype_named(bytes))
    require(name_of(*dtype) != "undefined", "what is named is a dtype", bytes);
  if (const auto dtype = parse_dtype(bytes))
    require(name_of(*dtype) == bytes, "a dtype's name is its own", bytes);
}

Read read_as_results(std::string_view bytes) {
  Read read = Read::whole;
  const auto located = [&](const Error& e) {
    const std::string_view text = e.what();
    require(is_text(text) && text.starts_with("x:") && has_a_line(text.substr(2)),
            "an error names its file and line", text);
    read = Read::refused;
  };
  try {
    for (const auto& [name, value] : parse_about(bytes, "x").properties)
      require(is_text(name) && is_text(value), "what is read of a run is text", value);
  } catch (const Error& e) {
    located(e);
  }
  try {
    std::vector<Entry> entries;
    for (const auto& [signature, entry] : parse_results(bytes, "x")) {
      entries.push_back(entry);
      const std::string line = json_line("finding", to_json(entry));
      require(parse_results(line, "x").contains(signature), "what is read prints and reads back", line);
    }
    const Report report = by_cause(std::move(entries));
    for (const CauseEntry& cause : report.causes)
      require(parse_results(json_line("cause", to_json(cause)), "x").empty(), "a cause is no finding");
    for (const std::string& told : {to_junit(report, FailOn::place, {}), to_markdown(report, "dtypefuzz"),
                                    to_annotations(report, FailOn::place)})
      for (std::string_view rest = told; !rest.empty();) {
        const size_t length = rest[0] == '\n' ? 1 : character_at(rest);
        require(length > 0, "a report is text", told);
        rest.remove_prefix(length);
      }
  } catch (const Error& e) {
    located(e);
  }
  try {
    const auto kept = parse_kept(bytes, "x");
    require(parse_kept(print_kept(kept), "x") == kept, "what is kept prints and reads back to itself", bytes);
  } catch (const Error& e) {
    located(e);
  }
  return read;
}

namespace {

/// What `read` gives is read from what `print` makes of it as the same.
template <class Parse, class Print>
Read read_twice(std::string_view bytes, const Parse& parse, const Print& print) {
  try {
    const std::string text = print(parse(std::string(bytes)));
    require(print(parse(text)) == text, "what is read prints and reads back to itself", text);
    return Read::whole;
  } catch (const Error& e) {
    const std::string_view text = e.what();
    require(is_text(text) && text.size() < 1500, "an error is one short line of text", text);
    require(text.find(": ") != std::string_view::npos || text.find("expected ") != std::string_view::npos ||
                text.find("has no '") != std::string_view::npos,
            "an error says where and what is wrong", text);
    return Read::refused;
  }
}

}  // namespace

Read read_as_atlas(std::string_view bytes) {
  // A few words can claim millions of cells, and to compare them all takes a second.
  constexpr uint64_t kFew = 20'000;
  return read_twice(
      bytes, [](const std::string& text) { return parse_atlas(text); },
      [](const Atlas& atlas) {
        const auto whole = [&](const Section& section) {
          const auto cells = atlas.results_of(section);
          return cells.size() == atlas.layouts[section.layout].cell_count(atlas.axis) &&
                 std::ranges::all_of(cells, [&](uint32_t cell) { return cell < atlas.results.size(); });
        };
        if (atlas.cell_count() <= kFew) {
          require(std::ranges::all_of(atlas.sections, whole), "a section has a result for each cell");
          const Difference none = compare(atlas, atlas);
          require(none.none() && none.same == atlas.cell_count(), "an atlas is the same as itself");
          Atlas other = atlas;
          std::ranges::reverse(other.dtypes);  // so that cells are looked for by their dtypes
          const Difference differs = compare(atlas, other);
          uint64_t only = 0;
          for (const auto& [module, cells] : differs.only_before) only += cells;
          require(differs.same + differs.changed + differs.exception_alone + only == atlas.cell_count(),
                  "each cell is told once");
        }
        return print_atlas(atlas);
      });
}

Read read_as_record(std::string_view bytes) {
  return read_twice(bytes, parse_record, [](const nlohmann::json& record) { return record.dump(); });
}

Read read_as_cause(std::string_view bytes) {
  return read_twice(bytes, parse_cause_file, [](const CauseFile& file) {
    require_plain(folder_name_of(file.cause) + ".case");
    require(is_text(file.said()) && is_text(sentence_of(file.cause)), "what is told is text");
    return print_cause_file(file);
  });
}

Read read_as_state(std::string_view bytes) {
  return read_twice(bytes, parse_snapshot, [](const Snapshot& snapshot) {
    for (const auto& [signature, told] : snapshot.told) {
      require_plain(file_name_of(signature));
      to_string(told.standing), to_string(told.severity);
    }
    for (const auto& [place, candidate] : snapshot.waiting) {
      require(place.index + (uint64_t{1} << 20) > place.index, "an index can be counted on");
      require(candidate.finding.stack.find('\n') == std::string::npos, "a stack is a line",
              candidate.finding.stack);
    }
    return print_snapshot(snapshot);
  });
}

void read_as_parents(std::string_view bytes) {
  constexpr std::string_view kBegin = "# dtypefuzz case";
  const auto cut = std::min(bytes.find(kBegin, 1), bytes.size());
  const auto a = case_of(bytes.substr(0, cut)), b = case_of(bytes.substr(cut));
  const Bias bias;
  uint64_t seed = bytes.size();  // of the bytes alone, so that what breaks a law does so again
  for (const char c : bytes) seed = seed * 31 + static_cast<unsigned char>(c);
  const auto fair = [](const Reading& made) {
    require(canonical(made.body, whole_space()) == made.body, "what a mutator makes is canonical",
            print_case({made.body, {}, {}, {}}));
  };
  for (const auto& c : {a, b}) {
    if (!c) continue;
    for (const auto& list : lists_of(*c)) require(list.size() <= kMaxWordBytes, "a list has a name", list);
    for (uint64_t i = 0; i < 4; ++i) fair(mutated(*c, rng_for(seed, i), whole_space(), bias));
  }
  if (a && b) fair(crossed(*a, *b, Rng(seed), whole_space(), bias));
}

void read_as_corpus(std::string_view bytes) {
  const TemporaryFolder scratch(scratch_base());
  const fs::path inside = scratch.path / "corpus";
  fs::create_directory(inside);
  std::ofstream(scratch.path / "secret.case") << "# dtypefuzz case 1\nlayers[0].module = Linear\n";
  size_t files = 0;
  while (!bytes.empty() && files < 16) {
    const auto part = [&] {
      const auto end = bytes.find('\0');
      const auto taken = bytes.substr(0, end);
      bytes.remove_prefix(end == std::string_view::npos ? bytes.size() : end + 1);
      return taken;
    };
    std::string name(bytes.find('\0') == std::string_view::npos ? "x.case" : part().substr(0, 200));
    const auto text = part();
    std::replace(name.begin(), name.end(), '/', '_');
    if (name.empty() || name == "." || name == "..") name = "x.case";
    // The first letter says what kind of thing has this name.
    const fs::path path = inside / name;
    std::error_code ignored;
    if (name[0] == 'D') {
      fs::create_directory(path, ignored);
    } else if (name[0] == 'P') {
      mkfifo(path.c_str(), 0600);
    } else if (name[0] == 'L') {
      fs::create_symlink(fs::path(std::string(text.substr(0, 200))), path, ignored);
    } else if (name[0] == 'U') {
      fs::create_symlink("..", path, ignored);
    } else {
      std::ofstream(path, std::ios::binary) << text;
    }
    ++files;
  }
  try {
    for (const auto& path : case_files({inside.string()}))
      require(path.parent_path() == inside, "a corpus has its own files alone", path.string());
    for (const auto& text : check_corpus(inside.string(), whole_space()))
      require(text.find('\n') == std::string::npos, "an error is one line", text);
  } catch (const Error& e) {
    require(std::string_view(e.what()).starts_with(inside.string()), "an error names its file", e.what());
  }
  try {
    const Baseline baseline = load_baseline(inside.string(), whole_space());
    for (const auto& [signature, place] : baseline.places) {
      require(to_string(parse_signature(signature)) == signature, "what is known are signatures", signature);
      require(place.path.empty() || place.path.parent_path() == inside, "a baseline has its own files alone",
              place.path.string());
      require(is_text(baseline.title_of(place)), "a title is text", signature);
    }
    for (const auto& [text, cause] : baseline.causes)
      require(to_string(parse_cause(text)) == text && cause.folder == inside, "what is known are causes",
              text);
    const KnownFaults known = baseline.faults();
    require(print_known(parse_known(print_known(known))) == print_known(known),
            "what is known prints and reads back to itself");
  } catch (const Error& e) {
    require(std::string_view(e.what()).starts_with(inside.string()), "an error names its file", e.what());
  }
  for (const auto& entry : fs::directory_iterator(scratch.path))
    require(entry.path() == inside || entry.path().filename() == "secret.case",
            "nothing is written elsewhere", entry.path().string());
}

}  // namespace dtypefuzz::hostile
